"""The command line: every command, its output, and the one line that says what went wrong."""

import json
import sys
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from lowtide.intents.pack import PackInvalid
from lowtide.models.store import StoreTrouble
from lowtide.voice.desktop_cli import app as desktop_app
from lowtide.voice.errors import Trouble
from lowtide.voice.journal_cli import app as journal_app
from lowtide.voice.serve_cli import serve

if TYPE_CHECKING:
    from lowtide.intents.acts import Act
    from lowtide.intents.pack import Pack
    from lowtide.intents.understanding import Explanation, Understander
    from lowtide.voice.live import Show
    from lowtide.voice.recognisers import Recogniser
    from lowtide.voice.settings import Settings

app = typer.Typer(
    add_completion=True,
    no_args_is_help=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
models_app = typer.Typer(help="Speech and meaning models.", no_args_is_help=True)
app.add_typer(models_app, name="models")
service_app = typer.Typer(help="Run in the background, by systemd.", no_args_is_help=True)
app.add_typer(service_app, name="service")
app.add_typer(journal_app, name="journal")

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line.")]
Engine = Annotated[str, typer.Option(help="auto, vosk, whisper or sphinx.")]
PackFolder = Annotated[Path | None, typer.Option("--pack", help="A pack folder of your own.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same choice of words.")]


def run() -> None:
    """Run the command line; troubles end in one line and exit status 1."""
    try:
        app(standalone_mode=True)
    except (Trouble, PackInvalid, StoreTrouble) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # Whoever read our output has gone; there is nobody left to tell.
        sys.stderr.close()
        raise SystemExit(1) from None


def _fail(line: str) -> NoReturn:
    typer.echo(f"lowtide: {line}", err=True)
    raise SystemExit(1)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - called by typer
    if wanted:
        from importlib.metadata import version  # noqa: PLC0415 - only here

        typer.echo(f"lowtide {version('lowtide')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def default(
    context: typer.Context,
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Say which version this is.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """A hands-free, fully offline voice companion for the hours after a break-up.

    Without a command it listens and answers. Everything stays on this machine; only "models get"
    uses the network. If you may be in danger, call your local emergency number.
    """
    if context.invoked_subcommand is None:
        talk()


@app.command()
def talk(
    engine: Engine = "",
    microphone: Annotated[str | None, typer.Option(help="The microphone's name.")] = None,
    speaker: Annotated[str | None, typer.Option(help="The speaker's name.")] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Simple lines, for screen readers.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show nothing of what is said.")] = False,
    as_json: AsJson = False,
    pack: PackFolder = None,
) -> None:
    """Talk: the microphone session."""
    from lowtide.voice.live import talk_live  # noqa: PLC0415 - opens the sound system

    settings = _settings(engine=engine, microphone=microphone, speaker=speaker)
    show: Show = "json" if as_json else "quiet" if quiet else "plain" if plain else "live"
    talk_live(settings, _pack(pack), show)


@app.command()
def hear(
    files: Annotated[list[Path], typer.Argument(help="Sound files.", metavar="FILE...")],
    as_json: AsJson = False,
    reply_audio: Annotated[
        Path | None, typer.Option(help="Write what is said, on the recording's timeline.")
    ] = None,
    engine: Engine = "",
    pack: PackFolder = None,
    seed: Seed = 0,
) -> None:
    """Hear recorded speech, through the same loop on a virtual clock."""
    from lowtide.voice.hearing import Hearing  # noqa: PLC0415 - loads numpy and the sound library

    if reply_audio is not None and len(files) != 1:
        raise typer.BadParameter("goes with one recording.", param_hint="--reply-audio")
    hearing = Hearing(_settings(engine=engine), _pack(pack), seed)
    _announce(hearing.recogniser)
    failed = False
    for path in files:
        try:
            for turn in hearing.hear(path, reply_audio):
                _print_turn(turn, as_json=as_json)
        except Trouble as error:
            typer.echo(f"lowtide: {error}", err=True)
            failed = True
    hearing.close()
    if failed:
        raise SystemExit(1)


@app.command()
def chat(as_json: AsJson = False, pack: PackFolder = None, seed: Seed = 0) -> None:
    """Have the same conversation typed, a line each; "@wait 90" lets 90 seconds pass."""
    from lowtide.intents.dialogue import Dialogue  # noqa: PLC0415 - with the core
    from lowtide.voice.keeping import Keeping  # noqa: PLC0415 - with sqlite
    from lowtide.voice.typed import converse  # noqa: PLC0415 - only this command

    settings, loaded, began = _settings(), _pack(pack), datetime.now().astimezone()
    keeping = Keeping(settings)
    dialogue = Dialogue(loaded, seed=seed, person=keeping.person(), history=keeping.history)
    keeping.failed = dialogue.failed

    def keep(acts: "tuple[Act, ...]", now: float) -> None:
        keeping.acts(acts, began + timedelta(seconds=now))

    for entry in converse(_lines(), _understander(loaded), dialogue, keep):
        if as_json:
            typer.echo(json.dumps(entry))
        else:
            for act in entry["acts"]:
                _print_act(act)
    keeping.close()


@app.command()
def understand(
    as_json: AsJson = False,
    explain: Annotated[bool, typer.Option("--explain", help="Say why.")] = False,
    check_packs: Annotated[
        bool, typer.Option("--check-packs", help="Find phrases that another intent takes.")
    ] = False,
    pack: PackFolder = None,
) -> None:
    """Understand one utterance a line from standard input, each on its own."""
    from lowtide.intents.events import Hypothesis  # noqa: PLC0415 - with the core

    loaded = _pack(pack)
    understander = _understander(loaded)
    if check_packs:
        _check_packs(loaded, understander)
        return
    for line in _lines():
        if explain:
            _print_explanation(understander.explain(line))
            continue
        found = understander.understand([Hypothesis(line)])
        if as_json:
            keys = ("text", "intent", "score", "runner_up", "tier")
            typer.echo(json.dumps({key: getattr(found, key) for key in keys}))
        else:
            tier = f"  tier {found.tier}" if found.tier else ""
            typer.echo(f"{found.intent:<24} {found.score:.2f}  {line}{tier}")


@app.command()
def setup(
    typed: Annotated[bool, typer.Option("--typed", help="By keys instead of by voice.")] = False,
    plain: Annotated[
        bool, typer.Option("--plain", help="Simple lines, for screen readers.")
    ] = False,
    engine: Engine = "",
    pack: PackFolder = None,
) -> None:
    """Choose country, names, patience and a plan: by voice, or by keys."""
    from lowtide.voice.ahead import render_with_bar  # noqa: PLC0415 - only this command
    from lowtide.voice.settings import settings_file  # noqa: PLC0415 - pydantic takes a while
    from lowtide.voice.setup import by_keys, by_voice  # noqa: PLC0415 - only this command

    settings, loaded = _settings(engine=engine), _pack(pack)
    if not typed:
        typed = not by_voice(settings, loaded, "plain" if plain else "live")
    if typed:
        for said in by_keys(settings, loaded, _understander(loaded), sys.stdin):
            typer.echo(said)
    if sys.stderr.isatty():  # Elsewhere it is rendered beside the first session.
        render_with_bar(loaded, _settings().person(), settings.voice)
    typer.echo(f"Everything chosen is kept in {settings_file()}")


@app.command()
def doctor(engine: Engine = "") -> None:
    """Say what works here, and what to do about what does not."""
    from lowtide.voice.doctor import examine  # noqa: PLC0415 - opens the sound system

    whole = True
    for finding in examine(_settings(engine=engine)):
        whole = whole and finding.works
        typer.echo(f"{'ok  ' if finding.works else 'NOT '} {finding.part:<12} {finding.line}")
    if not whole:
        raise SystemExit(1)


@app.command()
def poke() -> None:
    """Wake the session that runs, from a headset button, a key binding or another program."""
    from lowtide.voice.waking import poke as poke_session  # noqa: PLC0415 - only this command

    poke_session()


@service_app.command("install")
def service_install() -> None:
    """Write the systemd user unit; nothing is started."""
    from lowtide.voice.service import install  # noqa: PLC0415 - only this command

    typer.echo(f"Written: {install()}")
    typer.echo("Start it now and at every login: systemctl --user enable --now lowtide")


app.command()(serve)
app.add_typer(desktop_app, name="desktop")


@models_app.command("list")
def models_list() -> None:
    """The models lowtide knows, and which are here."""
    from lowtide.models.catalogue import catalogue  # noqa: PLC0415 - only this command
    from lowtide.models.store import Store  # noqa: PLC0415

    store = Store()
    here = {model.name for model in store.installed()}
    for model in catalogue():
        state = "can't be installed: no verified SHA-256" if not model.installable else ""
        state = "installed" if model.name in here else state or "not installed"
        typer.echo(f"{model.name}  ({state})")
        facts = [model.what, model.megabytes, model.licence]
        facts += [f"about {model.memory} MB of memory"] if model.memory else []
        facts += [model.accuracy] if model.accuracy else []
        facts += ["its SHA-256 has one source only"] if model.one_source else []
        typer.echo(f"    {'; '.join(facts)}")
    typer.echo(f"They are kept in {store.root}")


@models_app.command("get")
def models_get(
    name: Annotated[str, typer.Argument(help='A name, or "speech" or "meaning".')],
    archive: Annotated[
        Path | None, typer.Option("--from", help="The file, if you have it.")
    ] = None,
) -> None:
    """Fetch a model, verify it and unpack it. The only command that uses the network."""
    from lowtide.models.store import Store  # noqa: PLC0415 - only this command
    from lowtide.voice.progress import shown  # noqa: PLC0415

    store = Store()
    model = store.known(name)
    typer.echo(f"{model.name}, {model.megabytes}, {model.licence}.")
    if model.one_source:
        typer.echo("Its SHA-256 was read in one place only; nothing else confirms it.")
    with shown(model.name) as watch:
        folder = store.get(name, archive, watch)
    typer.echo(f"Verified and ready in {folder}")


@models_app.command("check")
def models_check() -> None:
    """Verify every installed model again."""
    from lowtide.models.store import Store  # noqa: PLC0415 - only this command

    store = Store()
    whole = True
    for model, trouble in store.check():
        whole = whole and trouble is None
        typer.echo(f"ok   {model.name}" if trouble is None else f"NOT  {trouble}")
    if not store.installed():
        typer.echo("No model is installed; the embedded recogniser needs none.")
    if not whole:
        raise SystemExit(1)


@models_app.command("path")
def models_path(
    name: Annotated[str, typer.Argument(help="A name of the list, or a kind.")],
) -> None:
    """Print the verified folder of an installed model."""
    from lowtide.models.store import Store  # noqa: PLC0415 - only this command

    store = Store()
    typer.echo(store.path(store.known(name)))


@models_app.command("remove")
def models_remove(name: Annotated[str, typer.Argument(help="A name of the list.")]) -> None:
    """Delete an installed model."""
    from lowtide.models.store import Store  # noqa: PLC0415 - only this command

    Store().remove(name)


def _settings(**chosen: str | None) -> "Settings":
    from lowtide.voice.settings import load  # noqa: PLC0415 - pydantic takes a while

    return load().model_copy(update={key: value for key, value in chosen.items() if value})


def _pack(folder: Path | None) -> "Pack":
    from lowtide.intents.pack import ENGLISH, load  # noqa: PLC0415 - with the core
    from lowtide.voice.helplines import as_of  # noqa: PLC0415 - with the core

    return as_of(load(folder or ENGLISH), date.today())  # noqa: DTZ011 - the person's own day


def _understander(pack: "Pack") -> "Understander":
    from lowtide.voice.packs import understander  # noqa: PLC0415 - with the core

    return understander(pack)


def _announce(recogniser: "Recogniser") -> None:
    typer.echo(f"Hearing with {recogniser.name}.", err=True)


def _lines() -> Iterator[str]:
    for line in sys.stdin:
        if line.strip():
            yield line.strip()


def _print_explanation(why: "Explanation") -> None:
    found = why.understanding
    typer.echo(f"{found.text}\n  read as    {why.words}")
    typer.echo(f"  understood {found.score:.2f} {found.intent}: {found.because!r}")
    if found.alarm:
        typer.echo(f"  danger     tier {found.tier}, first words {found.alarm.script}")
    for candidate in why.near:
        typer.echo(f"  near       {candidate.score:.2f} {candidate.intent}: {candidate.phrase!r}")
    for intent, share in why.probable:
        typer.echo(f"  meaning    {share:.2f} {intent}")
    for intent, share in why.danger:
        typer.echo(f"  danger     {share:.2f} {intent}")


def _check_packs(pack: "Pack", understander: "Understander") -> None:
    from lowtide.intents.events import Hypothesis  # noqa: PLC0415 - with the core

    wrong = 0
    for intent, phrase in pack.phrases():
        found = understander.understand([Hypothesis(phrase)])
        if found.intent != intent:
            wrong += 1
            typer.echo(f"{intent}: {phrase!r} means {found.intent} ({found.because!r})")
    typer.echo(f"{wrong} phrases are not understood as their own intent.")
    if wrong:
        raise SystemExit(1)


def _print_act(act: dict[str, object]) -> None:
    """One act as a person reads it; what is only kept is not shown."""
    if "say" in act:
        typer.echo(act["say"])
    elif "breathe" in act:
        typer.echo(f"({act['breathe']})")
    elif "play" in act:
        typer.echo("(your recording)")
    elif "stop" in act:
        typer.echo("(silence)")


def _print_turn(turn: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(turn))
        return
    if turn["text"]:
        typer.echo(f"heard   {turn['text']}  ({turn['intent']})")
    typer.echo(f"answer  {turn['reply'] or '(silence)'}")
