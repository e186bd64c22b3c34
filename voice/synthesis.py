"""Text to samples, by pyttsx3 in a worker process.

Never `say()`: it returns before it is heard, can't be stopped and hangs on the second call; only
`save_to_file` on an engine of its own (voice.md, measurements M1 to M4). A sentence is trimmed to
its sound, brought to one loudness and given soft edges, so that pauses and levels are ours.
"""

import contextlib
import io
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from lowtide.voice.errors import NoVoice
from lowtide.voice.frames import Samples
from lowtide.voice.worker import Worker, WorkerLost

PROMPT_RATE = 22_050
"""Samples per second of everything that is said: what espeak gives."""
LOUDNESS = -23.0
"""LUFS of a prompt before the person's own volume; EBU R 128, gentle for a bedside."""
LOUDEST_PEAK = 0.7
"""Of full scale."""
FADE_SECONDS = 0.012
QUIET = 10 ** (-50 / 20)
"""Amplitude under which the edges of a sentence are silence."""
SET_TRIES, SET_SECONDS = 60, 0.005
"""How often, and how long each time, a property is waited for."""
ESPEAK_HASTE = 1.3
"""Words heard for a word asked: 130 for 100, 177 for 135, 247 for 190, on four of our replies."""
ESPEAK_SLOWEST = 80
"""The lowest rate espeak takes; it is heard as 109 words a minute."""
ANSWER_WITHIN = 20.0
"""Seconds for one sentence; espeak takes about 0.02."""
INSTALL = "Nothing here can speak; install a voice: sudo apt-get install espeak-ng libespeak-ng1"


@dataclass(frozen=True)
class Voice:
    """How a sentence is spoken."""

    name: str = ""
    """A voice id of pyttsx3; empty is the platform's English one."""
    words_per_minute: int = 135
    pitch: int = 42
    """0 to 100 where the driver has pitch; a little lower than its middle is calmer."""


class Synthesis:
    """A speaking worker; it warms up by itself, and is thrown away when it hangs.

    Args:
        in_background: Whether it takes only what computing is left over.
    """

    def __init__(self, *, in_background: bool = False) -> None:
        self._serve = _serve_in_background if in_background else _serve
        self._worker: Worker | None = Worker(self._serve)

    def render(self, text: str, voice: Voice) -> Samples:
        """Speak one sentence into samples of `PROMPT_RATE`.

        Raises:
            NoVoice: There is no voice on this machine, or it failed twice.
        """
        for attempt in (1, 2):
            worker = self._worker = self._worker or Worker(self._serve)
            try:
                worker.send((text, voice))
                rendered = worker.receive(ANSWER_WITHIN)
            except WorkerLost:
                self.close()
                if attempt == 2:
                    raise NoVoice(INSTALL) from None
            else:
                if isinstance(rendered, str):
                    raise NoVoice(f"{INSTALL} ({rendered})")
                samples: Samples = rendered
                if len(samples) or attempt == 2:
                    return samples
                self.close()  # A sentence without sound: a fresh engine speaks it.
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._worker.close()
        self._worker = None


def _serve_in_background(pipe: Connection) -> None:
    with contextlib.suppress(AttributeError):  # Windows has no niceness.
        os.nice(19)
    _serve(pipe)


def _serve(pipe: Connection) -> None:
    engine = None
    with contextlib.suppress(Exception):  # The first sentence tries again, and tells the person.
        engine = _warm()
    while True:
        text, voice = pipe.recv()
        try:
            engine = engine or _warm()
            pipe.send(_shaped(*_spoken(engine, text, voice)))
        except Exception as error:  # noqa: BLE001 - the process's edge: the parent tells the person
            pipe.send(f"{type(error).__name__}: {error}")


def _warm() -> Any:  # noqa: ANN401 - an untyped library
    """The engine, after a word that loads all the first sentence would wait for."""
    import pyttsx3  # noqa: PLC0415 - only the child speaks

    engine = pyttsx3.init()
    _shaped(*_spoken(engine, "hush", Voice()))
    return engine


def _spoken(engine: Any, text: str, voice: Voice) -> tuple[Any, int]:  # noqa: ANN401
    import soundfile  # noqa: PLC0415 - only the child reads it

    _set(engine, "voice", voice.name or _english(engine))
    _set(engine, "rate", _rate_asked(voice.words_per_minute))
    with contextlib.suppress(KeyError):  # Not every driver has a pitch.
        _set(engine, "pitch", voice.pitch)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sentence.wav"
        _unstop(engine)
        engine.save_to_file(text, str(path))
        engine.runAndWait()
        sound, rate = soundfile.read(io.BytesIO(path.read_bytes()), dtype="float64")
    return sound, int(rate)


def _unstop(engine: Any) -> None:  # noqa: ANN401
    """Take back the stop that the sentence before may have left, which would silence this one.

    pyttsx3 2.99's espeak driver ends each sentence by stopping itself; where espeak has not quite
    finished, the stop stays. Measured on a busy machine: left after 5 of 3,270 sentences.
    """
    driver = engine.proxy._driver  # noqa: SLF001 - there is no other way
    if getattr(driver, "_stopping", False):
        driver._stopping = False  # noqa: SLF001


def _set(engine: Any, name: str, value: str | int) -> None:  # noqa: ANN401
    """Set a property and see it set: espeak takes it later, or not at all when speech follows."""
    for _ in range(SET_TRIES):
        if engine.getProperty(name) == value:
            return
        engine.setProperty(name, value)
        time.sleep(SET_SECONDS)


def _rate_asked(words_per_minute: int) -> int:
    """What to ask of the driver so that a person hears so many words a minute."""
    if not sys.platform.startswith("linux"):
        return words_per_minute
    return max(ESPEAK_SLOWEST, round(words_per_minute / ESPEAK_HASTE))


def _english(engine: Any) -> str:  # noqa: ANN401
    ids = [str(voice.id) for voice in engine.getProperty("voices")]
    for wanted in ("gmw/en-US", "en-us", "en_us", "en-gb", "english", "gmw/en", "en"):
        for each in ids:
            if each == wanted or (len(wanted) > 2 and wanted.lower() in each.lower()):
                return each
    return ids[0]


def _shaped(sound: Any, rate: int) -> Samples:  # noqa: ANN401
    """Trimmed, at one loudness, with soft edges, as samples of `PROMPT_RATE`."""
    import pyloudnorm  # noqa: PLC0415 - brings scipy; only the child pays
    import soxr  # noqa: PLC0415

    mono = sound if sound.ndim == 1 else sound.mean(axis=1)
    if rate != PROMPT_RATE:
        mono = soxr.resample(mono, rate, PROMPT_RATE)
    heard = np.flatnonzero(np.abs(mono) > QUIET)
    if not len(heard):
        return np.zeros(0, np.int16)
    mono = mono[heard[0] : heard[-1] + 1]
    # BS.1770 needs at least one block of 0.4 s; a short word is measured with silence around it.
    block = int(0.4 * PROMPT_RATE)
    measured = np.pad(mono, (0, max(0, block - len(mono) + 1)))
    loudness = pyloudnorm.Meter(PROMPT_RATE).integrated_loudness(measured)
    gain = 10 ** ((LOUDNESS - loudness) / 20) if np.isfinite(loudness) else 1.0
    gain = min(gain, LOUDEST_PEAK / float(np.abs(mono).max()))
    fade = np.minimum(1.0, np.arange(len(mono)) / (FADE_SECONDS * PROMPT_RATE))
    shaped = mono * gain * fade * fade[::-1]
    samples: Samples = (shaped * 32767).astype(np.int16)
    return samples
