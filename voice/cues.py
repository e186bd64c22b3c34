"""Two soft tones for breathing without words: a rise to breathe in, a fall to breathe out."""

from typing import Literal

import numpy as np

from lowtide.voice.frames import Samples
from lowtide.voice.synthesis import PROMPT_RATE

SECONDS = 0.4
"""As long as the word that it stands for; safety.md section 1.2."""
GLIDES = {"in": (196.0, 247.0), "out": (220.0, 165.0)}
"""Hz, from and to: low, so that nothing is bright at night."""
LEVEL = -26.0
"""dBFS of the peak: softer than a voice."""


def tone(breath: Literal["in", "out"], gain: float) -> Samples:
    """The tone for a breath as samples of `PROMPT_RATE`.

    Args:
        breath: Which half.
        gain: dB relative to the loudness prompts are made for.
    """
    count = round(SECONDS * PROMPT_RATE)
    low, high = GLIDES[breath]
    phase = 2 * np.pi * np.cumsum(np.linspace(low, high, count)) / PROMPT_RATE
    swell = np.sin(np.pi * np.arange(count) / count) ** 2
    level = 10 ** ((LEVEL + gain) / 20)
    samples: Samples = np.clip(np.sin(phase) * swell * level * 32767, -32767, 32767).astype(
        np.int16
    )
    return samples
