"""The microphone as a source of frames, in real time."""

import queue
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

import numpy as np
import soxr

from lowtide.voice import portaudio
from lowtide.voice.errors import NoMicrophone
from lowtide.voice.frames import RATE, Frame, Samples, framed

BLOCK_SECONDS = 0.02
LONGEST_LAG = 10.0
"""Seconds of sound that may wait for the loop before blocks are lost (and counted); the first
sentence on a busy machine takes 2."""
FIRST_AFTER = 4.0
"""Seconds for the first callback: a sound server that has just started takes its time."""
DEAD_AFTER = 1.5
"""Seconds without a callback after which the microphone is gone: unplugging gives no error."""


class Microphone:
    """An open input device.

    The callback only copies into a bounded queue; everything else happens in the loop.

    Args:
        name: The device's name, or a part of it that only one has; None is the default device.

    Raises:
        NoMicrophone: There is no such device, or it can't be opened.
    """

    def __init__(self, name: str | None = None) -> None:
        self.overflows = 0
        """Times the device said that it lost sound."""
        self.lost_blocks = 0
        """Blocks that came faster than the loop worked them."""
        self._blocks: queue.Queue[bytes] = queue.Queue(int(LONGEST_LAG / BLOCK_SECONDS))
        self.device = _device(name)
        self._rate = int(self.device["default_samplerate"])
        self._channels = min(2, int(self.device["max_input_channels"]))
        try:
            self._stream = self._open()
        except portaudio.sounddevice().PortAudioError as error:
            raise NoMicrophone(
                f"The microphone {self.device['name']!r} can't be opened: {_reason(error)}"
            ) from error

    @property
    def waiting(self) -> float:
        """Seconds of sound that wait to be worked."""
        return self._blocks.qsize() * BLOCK_SECONDS

    def __enter__(self) -> Self:
        with portaudio.silenced():
            self._stream.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with portaudio.silenced():
            self._stream.close()

    def __iter__(self) -> Iterator[Frame]:
        """Frames without end.

        Raises:
            NoMicrophone: The device stopped giving sound.
        """
        return framed(self._chunks())

    def _open(self) -> Any:  # noqa: ANN401 - an untyped library
        with portaudio.silenced():
            return portaudio.sounddevice().RawInputStream(
                device=self.device["index"],
                samplerate=self._rate,
                channels=self._channels,
                dtype="int16",
                blocksize=int(self._rate * BLOCK_SECONDS),
                callback=self._arrived,
            )

    def _arrived(self, data: Any, frames: int, time: object, status: Any) -> None:  # noqa: ANN401, ARG002
        if status.input_overflow:
            self.overflows += 1
        try:
            self._blocks.put_nowait(bytes(data))
        except queue.Full:
            self.lost_blocks += 1

    def _chunks(self) -> Iterator[Samples]:
        resample = soxr.ResampleStream(self._rate, RATE, 1, dtype="int16")
        within = FIRST_AFTER
        while True:
            try:
                block, within = self._blocks.get(timeout=within), DEAD_AFTER
            except queue.Empty as error:
                raise NoMicrophone(
                    f"The microphone {self.device['name']!r} went silent; is it still plugged in?"
                ) from error
            mono = np.frombuffer(block, np.int16)
            if self._channels > 1:
                mono = mono.reshape(-1, self._channels).mean(axis=1).astype(np.int16)
            yield mono if self._rate == RATE else resample.resample_chunk(mono)


def _device(name: str | None) -> dict[str, Any]:
    try:
        found = portaudio.find("input", name)
        known = [] if found else portaudio.names("input")
    except OSError as error:
        raise NoMicrophone(f"The PortAudio library is missing; {portaudio.INSTALL}") from error
    if found is not None:
        return found
    if not known or name is None:
        raise NoMicrophone(
            "There is no microphone here; plug one in, or try a recording: lowtide hear FILE"
        )
    raise NoMicrophone(f"No one microphone is called {name!r}; there are: {', '.join(known)}")


def _reason(error: Exception) -> str:
    return str(error).split(" [", maxsplit=1)[0]
