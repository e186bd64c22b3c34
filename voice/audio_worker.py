"""The child process that owns PortAudio and both devices.

PortAudio may hang or crash when a device goes away, and it knows no device that came later: then
this process is thrown away and another one begins. It also keeps the sound free of the loop's
computing, and takes our own voice off what is heard.
"""

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Literal

import numpy as np

from lowtide.voice.echo import EchoCanceller
from lowtide.voice.errors import NoMicrophone, NoSpeaker
from lowtide.voice.frames import FRAME_SECONDS
from lowtide.voice.going_back import keep_to
from lowtide.voice.microphone import Microphone
from lowtide.voice.sound_server import Device as ServerDevice
from lowtide.voice.sound_server import Kind
from lowtide.voice.speaker import Device


@dataclass(frozen=True)
class Wanted:
    """Which devices, by name; None is the default."""

    microphone: str | None
    speaker: str | None
    cancel_echo: bool = True
    """Whether our voice may be in what is heard."""


@dataclass(frozen=True)
class Opened:
    """Both devices are open; frames follow."""

    microphone: str
    speaker: str


@dataclass(frozen=True)
class Captured:
    """A frame from the microphone."""

    samples: bytes
    """512 of them, our own voice taken off."""
    ours: bytes
    """Samples of our own voice that went out meanwhile."""


@dataclass(frozen=True)
class Failed:
    """A device can't be had, or has gone; without a microphone we can still sound."""

    part: Literal["microphone", "speaker"]
    line: str


@dataclass(frozen=True)
class Play:
    """Sound these samples of `PROMPT_RATE`; answered by a `Sounded` of this number."""

    number: int
    samples: bytes


Command = Play | Literal["hush", "pause", "resume"]


def serve(pipe: Connection) -> None:
    """Open the devices, then send what is heard and do what is commanded."""
    wanted: Wanted = pipe.recv()
    try:
        with Device(wanted.speaker) as speaker:
            threading.Thread(target=_obey, args=(pipe, speaker), daemon=True).start()
            try:
                _hear(pipe, wanted, speaker)
            except NoMicrophone as error:
                pipe.send(Failed("microphone", str(error)))
                while True:
                    time.sleep(FRAME_SECONDS)
                    _report(pipe, speaker)
    except NoSpeaker as error:
        pipe.send(_first(wanted, error))
    os._exit(0)  # Closing a device that has gone may hang.


def _first(wanted: Wanted, without_speaker: NoSpeaker) -> Failed:
    """What to tell the person first: where nothing can be heard, that comes before."""
    try:
        Microphone(wanted.microphone)
    except NoMicrophone as error:
        return Failed("microphone", str(error))
    return Failed("speaker", str(without_speaker))


def _hear(pipe: Connection, wanted: Wanted, speaker: Device) -> None:
    with Microphone(wanted.microphone) as microphone:
        echo = EchoCanceller() if wanted.cancel_echo else None
        keep_to(_of_the_server(microphone, speaker))
        pipe.send(Opened(str(microphone.device["name"]), str(speaker.device["name"])))
        for frame in microphone:
            ours = speaker.out()
            samples = echo.clean(frame.samples, ours) if echo else frame.samples
            pipe.send(Captured(samples.tobytes(), ours.tobytes()))
            _report(pipe, speaker)


def _of_the_server(microphone: Microphone, speaker: Device) -> dict[Kind, ServerDevice]:
    """The sound server's own devices among those that are open; the others it does not move."""
    opened: dict[Kind, Any] = {"input": microphone.device, "output": speaker.device}
    return {kind: each["of_the_server"] for kind, each in opened.items() if "of_the_server" in each}


def _report(pipe: Connection, speaker: Device) -> None:
    for message in (*speaker.begun(), *speaker.over()):
        pipe.send(message)
    if speaker.stalled:
        raise NoSpeaker(f"The speaker {speaker.device['name']!r} went silent.")


def _obey(pipe: Connection, speaker: Device) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            match pipe.recv():
                case Play(number, samples):
                    speaker.play(number, np.frombuffer(samples, np.int16))
                case "hush":
                    speaker.hush()
                case "pause":
                    speaker.pause()
                case "resume":
                    speaker.resume()
    os._exit(0)  # The loop has gone.
