"""`lowtide journal`: what is kept, to be seen, taken away and deleted by the person it is about."""

import csv
import io
import json
from collections import Counter
from contextlib import closing
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lowtide.voice.errors import Trouble

if TYPE_CHECKING:
    from lowtide.voice.journal import Row

app = typer.Typer(
    help="What is kept, if you agreed to it: times, kinds and numbers, never words.",
    no_args_is_help=True,
)

NONE = "There is no journal. None is kept unless you agree to it."


class Format(StrEnum):
    """How a journal is taken away."""

    JSON = "json"
    CSV = "csv"


@app.command()
def show() -> None:
    """Show what is kept, a line each night."""
    rows = _rows()
    for night, noted in groupby(sorted(rows, key=lambda row: row.at), key=lambda row: row.night):
        kept = tuple(noted)
        times = Counter(_named(row.what, row.about, row.value) for row in kept)
        what = ", ".join(f"{name} x{count}" if count > 1 else name for name, count in times.items())
        typer.echo(f"{night}  {kept[0].at:%H:%M}-{kept[-1].at:%H:%M}  {what}")
    if not rows:
        typer.echo("The journal is empty." if _path().exists() else NONE)


@app.command()
def report(
    html: Annotated[Path, typer.Option("--html", help="Where to write the page.")],
    nights: Annotated[int, typer.Option(min=7, max=366, help="How many nights back.")] = 30,
    pack: Annotated[Path | None, typer.Option("--pack", help="A pack folder of your own.")] = None,
) -> None:
    """Write one page to look at: nights and hours, urges before and after, what came up."""
    from lowtide.intents.pack import ENGLISH, load  # noqa: PLC0415 - only this command
    from lowtide.voice.journal import write_private  # noqa: PLC0415 - with sqlite
    from lowtide.voice.report import page, report  # noqa: PLC0415 - only this command

    rows = _needed()
    themes = {each.id: each.theme for each in load(pack or ENGLISH).intents.values() if each.theme}
    write_private(html, page(report(rows, datetime.now().astimezone(), themes, nights)))
    typer.echo(f"Written to {html}. Only you can read it.")


@app.command()
def export(
    form: Annotated[Format, typer.Option("--format", help="How to write it.")] = Format.JSON,
    out: Annotated[Path | None, typer.Option("--out", help="A file, else the screen.")] = None,
) -> None:
    """Take everything away as JSON or CSV."""
    from lowtide.voice.journal import as_records, write_private  # noqa: PLC0415 - with sqlite

    records = as_records(_needed())
    text = _csv(records) if form is Format.CSV else json.dumps(records, indent=1) + "\n"
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_private(out, text)
        typer.echo(f"Written to {out}. Only you can read it.")


@app.command()
def letters(
    forget: Annotated[
        str | None, typer.Option(help="Delete this one, for real: its name as it is shown.")
    ] = None,
) -> None:
    """Show the letters that were kept because you said so, or delete one."""
    from lowtide.voice import letters as kept  # noqa: PLC0415 - only this command

    found = kept.letters(kept.letters_folder())
    if forget is not None:
        paths = [each.path for each in found if each.name == forget]
        if not paths:
            names = ", ".join(each.name for each in found) or "none"
            raise Trouble(f"There is no letter called {forget!r}; there are: {names}.")
        kept.forget(paths)
        typer.echo("It is deleted.")
        return
    for letter in found:
        typer.echo(f"{letter.name}\n{letter.text}\n")
    if not found:
        typer.echo("No letter is kept. None is unless you say so.")


@app.command()
def forget(
    *, yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False
) -> None:
    """Delete the journal and the letters, for real."""
    from lowtide.voice import letters as kept  # noqa: PLC0415 - only this command
    from lowtide.voice.journal import Journal  # noqa: PLC0415 - with sqlite

    found = kept.letters(kept.letters_folder())
    if not _path().exists() and not found:
        typer.echo(NONE)
        return
    if not yes:
        typer.confirm(f"Delete the whole journal, and the letters ({len(found)})?", abort=True)
    kept.forget(each.path for each in found)
    if _path().exists():
        with closing(Journal(_path())) as journal:
            journal.forget_all()
    typer.echo("The journal and the letters are deleted.")


def _path() -> Path:
    from lowtide.voice.journal import journal_file  # noqa: PLC0415 - with sqlite

    return journal_file()


def _rows() -> "tuple[Row, ...]":
    from lowtide.voice.journal import Journal  # noqa: PLC0415 - with sqlite

    if not _path().exists():  # Looking must not make one.
        return ()
    with closing(Journal(_path())) as journal:
        return journal.rows()


def _needed() -> "tuple[Row, ...]":
    if not _path().exists():
        raise Trouble(NONE)
    return _rows()


def _named(what: str, about: str, value: int | None) -> str:
    name = about if what == "heard" else f"{what} {about}"
    return name if value is None else f"{name} {value}"


def _csv(records: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, ("at", "night", "what", "about", "value"), lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return out.getvalue()
