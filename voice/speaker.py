"""Owns the output, and says truly when something sounds: a device, or a virtual timeline.

play  ──► start (first sample) ──────────► end (last sample really out)
pause ──► a fade of one block; resume goes on from there
hush  ──► a fade of one block, then end
"""

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Protocol, Self

import numpy as np
import soxr
from numpy.typing import NDArray

from lowtide.voice import portaudio
from lowtide.voice.errors import NoSpeaker
from lowtide.voice.frames import RATE, Samples
from lowtide.voice.synthesis import PROMPT_RATE

BUFFER_SECONDS = 0.06
"""Asked of the device: under 40 ms a busy interpreter is heard as clicks (style.md section 4.5)."""
BLOCK_SECONDS = 0.01
LONGEST_DELAY = 1.0
"""Seconds between a block's making and its sound that are believed; Bluetooth takes 0.3."""
FIRST_AFTER, STALLED_AFTER = 6.0, 2.5
"""Seconds without a question for sound after which the device is gone, after the start and later.
Measured: PulseAudio's null sink asks once, and then not for up to 2 s, when a stream begins; and
not for over 2.5 s where two cores are busy with what a first session renders."""
SETTLES_WITHIN = 10.0
"""Seconds from its opening in which a stream has only begun."""


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

    def pause(self, now: float) -> None:
        """Hold what sounds, with a short fade."""
        ...

    def resume(self, now: float) -> None:
        """Go on with what was held."""
        ...

    def ended(self, now: float) -> Playback | None:
        """What has ended since last asked."""
        ...

    @property
    def sounding(self) -> bool:
        """Whether something sounds or is about to."""
        ...

    @property
    def began(self) -> float | None:
        """When what sounds began to, on the session's clock; None before it does."""
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
        self._held: list[Samples] | None = None
        self._over: deque[Playback] = deque()

    @property
    def sounding(self) -> bool:
        """Whether something sounds, or is held."""
        return self._until is not None

    @property
    def began(self) -> float | None:
        """When what sounds began to."""
        return self._start - self._late if self.sounding else None

    def play(self, samples: Samples, now: float, worked: float) -> None:
        """Sound these samples, `worked` seconds late."""
        if self._until is None:
            self._late = worked
            self._until = now
            self._start = now + worked
        if self._held is not None:
            self._held.append(samples)
            return
        self.sounds.append((self._until + self._late, samples))
        self._until += len(samples) / PROMPT_RATE

    def hush(self, now: float) -> None:
        """Cut what sounds at `now`."""
        self._cut(now)
        self._held = None
        if self._until is not None:
            self._over.append(Playback(self._start, self._until + self._late))
            self._until = None

    def pause(self, now: float) -> None:
        """Cut what sounds at `now`, and keep the rest."""
        if self._until is not None and self._held is None:
            self._held = self._cut(now)

    def resume(self, now: float) -> None:
        """Sound the rest."""
        held, self._held = self._held, None
        if held is not None and self._until is not None:
            self._until = now
            for samples in held:
                self.play(samples, now, 0.0)

    def ended(self, now: float) -> Playback | None:
        """What has ended by `now`."""
        if self._over:
            return self._over.popleft()
        if self._until is None or self._held is not None or now < self._until:
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

    def _cut(self, now: float) -> list[Samples]:
        """End what sounds at `now`; what was still to come."""
        if self._until is None:
            return []
        self._until = min(self._until, now)
        cut = self._until + self._late
        lengths = [max(0, round((cut - start) * PROMPT_RATE)) for start, _ in self.sounds]
        pairs = list(zip(self.sounds, lengths, strict=True))
        self.sounds = [(start, samples[:length]) for (start, samples), length in pairs]
        return [samples[length:] for (_, samples), length in pairs if length < len(samples)]


@dataclass(frozen=True)
class Began:
    """Something is about to sound."""

    number: int
    """As it was given to `Device.play`."""
    start: float
    """Seconds of `time.monotonic()`."""


@dataclass(frozen=True)
class Sounded:
    """Something that was to sound is over."""

    number: int
    """As it was given to `Device.play`."""
    start: float
    end: float
    """Seconds of `time.monotonic()`; the same where it never sounded."""


class Device:
    """A real output device, open as long as it is entered.

    Args:
        name: The device's name, or a part of it that only one has; None is the default device.

    Raises:
        NoSpeaker: There is no such device, or it can't be opened.
    """

    def __init__(self, name: str | None = None) -> None:
        self.device = _device(name)
        self._rate = int(self.device["default_samplerate"])
        self._channels = min(2, int(self.device["max_output_channels"]))
        self._waiting: deque[tuple[int, NDArray[np.float32]]] = deque()
        self._now: tuple[int, NDArray[np.float32]] | None = None
        self._start = 0.0
        self._wish: Literal["hush", "pause", "resume"] | None = None
        self._held = False
        self._over: deque[Sounded] = deque()
        self._begun: deque[Began] = deque()
        self._out: deque[NDArray[np.float32]] = deque()
        self._resample = soxr.ResampleStream(self._rate, RATE, 1, dtype="float32")
        self._opened = self._called = time.monotonic()
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
    def stalled(self) -> bool:
        """Whether the device no longer asks for sound."""
        now = time.monotonic()
        begins = now - self._opened < SETTLES_WITHIN
        return now - self._called > (FIRST_AFTER if begins else STALLED_AFTER)

    def play(self, number: int, samples: Samples) -> None:
        """Sound these samples of `PROMPT_RATE` next."""
        sound = samples.astype(np.float32) / 32768.0
        if self._rate != PROMPT_RATE:
            sound = soxr.resample(sound, PROMPT_RATE, self._rate)
        self._waiting.append((number, sound))

    def hush(self) -> None:
        """Silence within a block, with a fade; what waits is never heard."""
        now = time.monotonic()
        while self._waiting:
            self._over.append(Sounded(self._waiting.popleft()[0], now, now))
        self._wish = "hush"

    def pause(self) -> None:
        """Hold within a block, with a fade."""
        self._wish = "pause"

    def resume(self) -> None:
        """Go on with what was held."""
        self._wish = "resume"

    def over(self) -> Iterator[Sounded]:
        """What has ended by now, by the device's own account."""
        while self._over and self._over[0].end <= time.monotonic():
            yield self._over.popleft()

    def begun(self) -> Iterator[Began]:
        """What has begun since last asked."""
        while self._begun:
            yield self._begun.popleft()

    def out(self) -> Samples:
        """What went out since last asked, 16 kHz mono: what the microphone may hear of us."""
        blocks = [self._out.popleft() for _ in range(len(self._out))]
        if not blocks:
            return np.zeros(0, np.int16)
        sound = self._resample.resample_chunk(np.concatenate(blocks))
        samples: Samples = (np.clip(sound, -1.0, 1.0) * 32767).astype(np.int16)
        return samples

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

    def _fill(self, out: NDArray[np.float32], frames: int, times: Any, _: Any) -> None:  # noqa: ANN401
        self._called = time.monotonic()
        heard_at = self._called + _until_heard(times)
        block = self._block(frames, heard_at)
        out[:] = block[:, None]
        self._out.append(block)

    def _block(self, frames: int, heard_at: float) -> NDArray[np.float32]:
        """The next so many samples, of as many sounds as fit."""
        wish, self._wish = self._wish, None
        was_held, self._held = self._held, wish == "pause" or (self._held and wish is None)
        block = np.zeros(frames, np.float32)
        if not was_held or wish == "resume":
            self._fill_in(block, heard_at, newly=wish != "hush")
        if wish == "hush" and self._now is not None:
            self._over.append(Sounded(self._now[0], self._start, heard_at + frames / self._rate))
            self._now = None
        if wish is not None:
            fade = np.linspace(1.0, 0.0, frames, dtype=np.float32)
            block *= fade[::-1] if wish == "resume" else fade
        return block

    def _fill_in(self, block: NDArray[np.float32], heard_at: float, *, newly: bool) -> None:
        """Fill a block with what sounds now, and `newly` with what waits behind it."""
        filled = 0
        while filled < len(block):
            if self._now is None:
                if not newly or not self._waiting:
                    return
                self._now, self._start = self._waiting.popleft(), heard_at + filled / self._rate
                self._begun.append(Began(self._now[0], self._start))
            number, sound = self._now
            piece, rest = sound[: len(block) - filled], sound[len(block) - filled :]
            block[filled : filled + len(piece)] = piece
            filled += len(piece)
            self._now = (number, rest) if len(rest) else None
            if not len(rest):
                self._over.append(Sounded(number, self._start, heard_at + filled / self._rate))


def _until_heard(times: Any) -> float:  # noqa: ANN401
    """Seconds until a block is heard. What a sound server says may be nonsense while it starts."""
    delay = float(times.outputBufferDacTime - times.currentTime)
    return delay if 0.0 <= delay <= LONGEST_DELAY else BUFFER_SECONDS


def _device(name: str | None) -> dict[str, Any]:
    try:
        found = portaudio.find("output", name)
        known = [] if found else portaudio.names("output")
    except OSError as error:
        raise NoSpeaker(f"The PortAudio library is missing; {portaudio.INSTALL}") from error
    if found is not None:
        return found
    if not known or name is None:
        raise NoSpeaker("There is no speaker here; plug one in or switch it on.")
    raise NoSpeaker(f"No one speaker is called {name!r}; there are: {', '.join(known)}")
