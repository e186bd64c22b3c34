"""512 samples with a number; an iterator of them is a source, and the only clock."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

RATE = 16_000
"""Samples per second of everything that is heard."""
FRAME_SAMPLES = 512
FRAME_SECONDS = FRAME_SAMPLES / RATE
"""0.032 s."""

Samples = NDArray[np.int16]


@dataclass(frozen=True)
class Frame:
    """One tick of the clock and the sound in it."""

    index: int
    """Frames since the session began."""
    samples: Samples
    """512 samples, mono, 16 kHz."""
    ours: Samples | None = None
    """What of our own voice went out meanwhile, any number of samples; None where nobody tells."""

    @property
    def start(self) -> float:
        """Seconds since the session began, at the first sample."""
        return self.index * FRAME_SECONDS

    @property
    def end(self) -> float:
        """Seconds since the session began, after the last sample."""
        return (self.index + 1) * FRAME_SECONDS

    @cached_property
    def decibels(self) -> float:
        """Loudness in dBFS (RMS), -96 for silence."""
        return decibels(self.samples)


class FrameSource(Protocol):
    """Where frames come from: a microphone in real time, a recording as fast as it is worked."""

    def __iter__(self) -> Iterator[Frame]:
        """Frames, numbered from 0 without a gap."""
        ...


def decibels(samples: Samples) -> float:
    """RMS of samples in dBFS, -96 for silence."""
    if not len(samples):
        return -96.0
    sound = samples.astype(np.float32)
    power = float(sound @ sound) / len(sound) / 32768.0**2
    return max(-96.0, 10.0 * math.log10(power + 1e-10))


def framed(chunks: Iterable[Samples]) -> Iterator[Frame]:
    """Cut a stream of mono 16 kHz chunks into frames; a rest is filled up with silence."""
    rest = np.zeros(0, np.int16)
    index = 0
    for chunk in chunks:
        rest = np.concatenate((rest, chunk))
        while len(rest) >= FRAME_SAMPLES:
            yield Frame(index, rest[:FRAME_SAMPLES])
            rest = rest[FRAME_SAMPLES:]
            index += 1
    if len(rest):
        yield Frame(index, np.pad(rest, (0, FRAME_SAMPLES - len(rest))))
