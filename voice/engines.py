"""Chooses the recogniser: Vosk when a model is installed, else an embedded one."""

from pathlib import Path

from lowtide.models.store import Store, StoreTrouble
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.recognisers import Recogniser

ENGINES = ("auto", "vosk", "whisper", "sphinx")


def recogniser(
    engine: str, vosk_model: Path | None = None, *, recorded: bool = False
) -> Recogniser:
    """Load an engine by name.

    Args:
        engine: One of `ENGINES`.
        vosk_model: A model folder of the person's own, instead of an installed one.
        recorded: Whether frames come as fast as they can be worked.

    Raises:
        NoRecogniser: The engine is unknown, or its model is missing or damaged.
    """
    if engine not in ENGINES:
        raise NoRecogniser(f"There is no engine called {engine!r}; there are: {', '.join(ENGINES)}")
    if engine == "sphinx":
        return _sphinx(recorded=recorded)
    if engine == "whisper":
        return _whisper(recorded=recorded)
    folder = _tried(vosk_model) if vosk_model else _installed_model()
    if folder is not None:
        from lowtide.voice.recognisers.vosk import Vosk  # noqa: PLC0415 - loads libvosk

        return Vosk(folder)
    if engine == "vosk":
        raise NoRecogniser("No Vosk model is installed; fetch one: lowtide models get speech")
    try:
        return _whisper(recorded=recorded)
    except NoRecogniser:  # There is no onnxruntime for this machine.
        return _sphinx(recorded=recorded)


def _whisper(*, recorded: bool) -> Recogniser:
    from lowtide.voice.recognisers.whisper import Whisper  # noqa: PLC0415 - starts a worker

    return Whisper(behind=1) if recorded else Whisper()


def _sphinx(*, recorded: bool) -> Recogniser:
    from lowtide.voice.recognisers.sphinx import Sphinx  # noqa: PLC0415 - starts a worker

    return Sphinx(behind=1) if recorded else Sphinx()


def _tried(folder: Path) -> Path:
    """A folder of the person's own: no checksum vouches for it, so it is tried."""
    from lowtide.voice.recognisers.vosk_trial import try_out  # noqa: PLC0415 - starts a worker

    try_out(folder)
    return folder


def _installed_model() -> Path | None:
    try:
        found = Store().first("speech")
    except StoreTrouble as error:
        raise NoRecogniser(str(error)) from error
    return found[1] if found else None
