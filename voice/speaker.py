"""Owns the output, and says truly when something sounds: a device, or a virtual timeline.

play ──► start (first sample) ──────────► end (last sample really out)
hush ──► a fade of one block, then end
"""

import queue
import time
from collections import deque
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import numpy as np
import soxr
from numpy.typing import NDArray

from lowtide.voice import portaudio
from lowtide.voice.errors import NoSpeaker
from lowtide.voice.frames import Samples
from lowtide.voice.synthesis import PROMPT_RATE

BUFFER_SECONDS = 0.06
"""Asked of the device: under 40 ms a busy interpreter is heard as clicks (style.md section 4.5)."""
BLOCK_SECONDS = 0.01
FADE_SECONDS = 0.02
"""Length of the fade when silenced."""


@dataclass(frozen=True)
class Playback:
    """When something sounded, in seconds on the session's clock."""

    start: float
    end: float


class Speaker(Protocol):
    """Something that sounds."""

    def play(self, samples: Samples, now: float, worked: float) -> None:
        """Sound these samples of `PROMPT_RATE` once what sounds now has ended.

        Args:
            samples: What to sound.
            now: Seconds on the session's clock.
            worked: Seconds of computing since the frame of `now` arrived.
        """
        ...

    def hush(self, now: float) -> None:
        """Silence, with a short fade."""
        ...

    def ended(self, now: float) -> Playback | None:
        """What has ended since last asked."""
        ...

    @property
    def sounding(self) -> bool:
        """Whether something sounds or is about to."""
        ...


class Timeline:
    """The virtual speaker: sounds on a timeline that can be written to a file.

    Computing time is added to the times it reports, never to those it decides by, so that the same
    recording gives the same conversation on any machine.
    """

    def __init__(self) -> None:
        self.sounds: list[tuple[float, Samples]] = []
        """Start in seconds and samples of everything that sounded."""
        self._until: float | None = None
        self._start = 0.0
        self._late = 0.0

    @property
    def sounding(self) -> bool:
        """Whether something sounds."""
        return self._until is not None

    def play(self, samples: Samples, now: float, worked: float) -> None:
        """Sound these samples, `worked` seconds late."""
        if self._until is None:
            self._late = worked
            self._until = now
            self._start = now + worked
        self.sounds.append((self._until + self._late, samples))
        self._until += len(samples) / PROMPT_RATE

    def hush(self, now: float) -> None:
        """Cut what sounds at `now`."""
        if self._until is None:
            return
        self._until = min(self._until, now)
        cut = self._until + self._late
        self.sounds = [
            (start, samples[: max(0, round((cut - start) * PROMPT_RATE))])
            for start, samples in self.sounds
        ]

    def ended(self, now: float) -> Playback | None:
        """What has ended by `now`."""
        if self._until is None or now < self._until:
            return None
        playback = Playback(self._start, self._until + self._late)
        self._until = None
        return playback

    def mixed(self) -> Samples:
        """Everything on one timeline from second 0, as samples of `PROMPT_RATE`."""
        starts = [(round(start * PROMPT_RATE), samples) for start, samples in self.sounds]
        length = max((start + len(samples) for start, samples in starts), default=0)
        mixed = np.zeros(length, np.int16)
        for start, samples in starts:
            mixed[start : start + len(samples)] = samples
        return mixed


class Device:
    """A real output device, open as long as the session.

    Args:
        name: The device's name, or a part of it that only one has; None is the default device.

    Raises:
        NoSpeaker: There is no such device, or it can't be opened.
    """

    def __init__(self, name: str | None = None) -> None:
        self.device = _device(name)
        self.underflows = 0
        """Times the device ran out of sound."""
        self._rate = int(self.device["default_samplerate"])
        self._channels = min(2, int(self.device["max_output_channels"]))
        self._waiting: deque[NDArray[np.float32]] = deque()
        self._rest = np.zeros(0, np.float32)
        self._hushing = False
        self._ends: queue.SimpleQueue[tuple[float, float]] = queue.SimpleQueue()
        self._first_out: float | None = None
        self._sounding = False
        self._zero = float("inf")
        try:
            self._stream = self._open()
        except portaudio.sounddevice().PortAudioError as error:
            reason = str(error).split(" [", maxsplit=1)[0]
            raise NoSpeaker(
                f"The speaker {self.device['name']!r} can't be opened: {reason}"
            ) from error

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

    @property
    def sounding(self) -> bool:
        """Whether something sounds or is about to."""
        return self._sounding

    def play(self, samples: Samples, now: float, worked: float) -> None:  # noqa: ARG002
        """Sound these samples next; the delay is measured, not told."""
        self._keep_zero(now)
        if not len(samples):
            return  # Nothing would ever end, and the ears stay closed.
        sound = samples.astype(np.float32) / 32768.0
        if self._rate != PROMPT_RATE:
            sound = soxr.resample(sound, PROMPT_RATE, self._rate)
        self._sounding = True
        self._waiting.append(sound)

    def hush(self, now: float) -> None:
        """Silence within a block, with a fade."""
        self._keep_zero(now)
        self._hushing = self._sounding

    def ended(self, now: float) -> Playback | None:
        """What has ended by the device's own account."""
        self._keep_zero(now)
        if self._ends.empty():
            return None
        start, end = self._ends.get()
        if time.monotonic() < end:
            self._ends.put((start, end))
            return None
        self._sounding = bool(self._waiting)
        return Playback(start - self._zero, end - self._zero)

    def _keep_zero(self, now: float) -> None:
        """The session's second 0 on the system's clock: frames come late, never early."""
        self._zero = min(self._zero, time.monotonic() - now)

    def _open(self) -> Any:  # noqa: ANN401 - an untyped library
        with portaudio.silenced():
            return portaudio.sounddevice().OutputStream(
                device=self.device["index"],
                samplerate=self._rate,
                channels=self._channels,
                dtype="float32",
                blocksize=int(self._rate * BLOCK_SECONDS),
                latency=BUFFER_SECONDS,
                callback=self._fill,
            )

    def _fill(self, out: NDArray[np.float32], frames: int, times: Any, status: Any) -> None:  # noqa: ANN401
        self.underflows += bool(status.output_underflow)
        hushing, self._hushing = self._hushing, False
        while len(self._rest) < frames and self._waiting:
            self._rest = np.concatenate((self._rest, self._waiting.popleft()))
        block, self._rest = self._rest[:frames], self._rest[frames:]
        if hushing:
            block = block * np.linspace(1.0, 0.0, len(block), dtype=np.float32)
            self._rest = self._rest[:0]
            self._waiting.clear()
        out[:] = 0.0
        out[: len(block)] = block[:, None]
        heard_at = time.monotonic() + max(0.0, times.outputBufferDacTime - times.currentTime)
        if len(block) and self._first_out is None:
            self._first_out = heard_at
        if self._first_out is not None and not len(self._rest) and not self._waiting:
            self._ends.put((self._first_out, heard_at + len(block) / self._rate))
            self._first_out = None


def _device(name: str | None) -> dict[str, Any]:
    try:
        found = portaudio.find("output", name)
        known = [device["name"] for device in portaudio.devices("output")]
    except OSError as error:
        raise NoSpeaker(f"The PortAudio library is missing; {portaudio.INSTALL}") from error
    if found is not None:
        return found
    if not known:
        raise NoSpeaker("There is no speaker here; plug one in or switch it on.")
    raise NoSpeaker(f"No one speaker is called {name!r}; there are: {', '.join(known)}")
