"""Offers a speech model, once, to somebody at a terminal: `python -m lowtide.voice.offer`.

`scripts/run` asks it before a session, which goes on with what is there, whatever comes of it.
"""

import sys
from collections.abc import Callable

import typer

from lowtide.models.store import Store, StoreTrouble
from lowtide.voice.errors import Trouble
from lowtide.voice.progress import shown
from lowtide.voice.settings import load

OFFERED = "offered"
"""A file in the store's folder: the question has been asked."""


def main() -> None:
    """Ask, if somebody is there to answer and it was not asked before."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return
    try:
        settings = load()
    except Trouble:
        return  # The session says it.
    if settings.engine != "sphinx" and settings.vosk_model is None:
        offer(Store(), lambda question: typer.confirm(question, default=False, err=True))


def offer(store: Store, ask: Callable[[str], bool]) -> None:
    """Ask once whether to fetch a speech model, and fetch it.

    Args:
        store: Where it goes.
        ask: Puts a question and says whether the answer was yes.
    """
    model, mark = store.known("speech"), store.root / OFFERED
    if mark.exists() or any(each.kind == model.kind for each in store.installed()):
        return
    try:
        store.root.mkdir(parents=True, exist_ok=True)
        mark.touch()
    except OSError:
        return  # It would be asked every time.
    typer.echo(
        f"lowtide hears by itself. It can hear with {model.what} instead: a download of "
        f"{model.megabytes}, once, and about {model.memory} MB of memory.",
        err=True,
    )
    if not ask("Fetch it now?"):
        typer.echo("It can be fetched any time: scripts/run models get speech", err=True)
        return
    try:
        with shown(model.name) as watch:
            store.get(model.name, watch=watch)
    except StoreTrouble as trouble:
        typer.echo(f"lowtide: {trouble}", err=True)
        typer.echo("Going on with the embedded recogniser.", err=True)


if __name__ == "__main__":
    try:
        main()
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
