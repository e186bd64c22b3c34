"""Short soft tones, computed: what a person with closed eyes needs to know about the ears."""

from functools import cache
from typing import Literal

import numpy as np

from lowtide.voice.frames import Samples
from lowtide.voice.synthesis import PROMPT_RATE

Earcon = Literal["lost", "back", "awake", "asleep"]
TONES: dict[Earcon, tuple[float, ...]] = {
    "lost": (330.0, 262.0, 262.0),
    "back": (262.0, 330.0),
    "awake": (262.0, 392.0),
    "asleep": (330.0, 220.0),
}
"""Hertz, one after the other; low, because it may be night."""
TONE_SECONDS = 0.18
LEVEL = 10 ** (-34 / 20)
"""Amplitude: under our voice, over a quiet room."""


@cache
def earcon(name: Earcon) -> Samples:
    """A tone as samples of `PROMPT_RATE`."""
    time = np.arange(round(TONE_SECONDS * PROMPT_RATE)) / PROMPT_RATE
    swell = np.sin(np.pi * time / TONE_SECONDS) ** 2
    tones = [np.sin(2 * np.pi * hertz * time) * swell * LEVEL for hertz in TONES[name]]
    samples: Samples = (np.concatenate(tones) * 32767).astype(np.int16)
    return samples
