"""Tries a Vosk model in a process of its own before ours loads it.

For folders that no checksum vouches for: a file of the right name that is wrong inside makes
libvosk 0.3.45 crash, abort or run without end (all three were seen). A model that came through is
remembered by its files' sizes and times, and not tried again.
"""

import hashlib
from multiprocessing.connection import Connection
from pathlib import Path

import lowtide.voice
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.prompts import cache_root
from lowtide.voice.recognisers.vosk import Vosk, check_folder
from lowtide.voice.worker import Worker, WorkerLost

WITHIN = 120.0
"""Seconds for loading and hearing the recording; the biggest models take ten or so."""
RECORDING = Path(lowtide.voice.__file__).parent / "demonstration" / "demonstration.wav"
REMEMBERED = "vosk-models-tried.txt"
"""In the cache folder: a line for each."""


def try_out(folder: Path, within: float = WITHIN) -> None:
    """See that libvosk can load a model and hear with it.

    Args:
        folder: The model's.
        within: Seconds it may take.

    Raises:
        NoRecogniser: It can't; the message says so.
    """
    check_folder(folder)
    remembered, this = cache_root() / REMEMBERED, _likeness(folder)
    if remembered.is_file() and this in remembered.read_text("utf-8").splitlines():
        return
    worker = Worker(_hear)
    try:
        worker.send(str(folder))
        said = worker.receive(within)
    except WorkerLost as error:
        raise NoRecogniser(
            f"{folder}: a file of this model is damaged: Vosk crashes over it; "
            "unpack it again, or fetch one: lowtide models get speech"
        ) from error
    finally:
        worker.close()
    if said:
        raise NoRecogniser(said)
    try:
        remembered.parent.mkdir(parents=True, exist_ok=True)
        with remembered.open("a", encoding="utf-8") as file:
            file.write(f"{this}\n")
    except OSError:
        return  # It is tried again next time.


def _likeness(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
    return hashlib.sha256(repr((str(folder.resolve()), facts)).encode()).hexdigest()


def _hear(pipe: Connection) -> None:
    from lowtide.voice.recording import Recording  # noqa: PLC0415 - only the child hears

    try:
        engine = Vosk(Path(pipe.recv()))
    except NoRecogniser as trouble:
        pipe.send(str(trouble))
        return
    engine.start()
    for frame in Recording(RECORDING):
        engine.accept(frame)
        engine.partial()
    engine.finish()
    pipe.send("")
