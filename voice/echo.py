"""Our own voice in the microphone: taken off by WebRTC's canceller, and known by its words.

The first works on samples and leaves a rest; the second catches what the rest became.
"""

from collections import deque

import numpy as np
from rapidfuzz import fuzz

from lowtide.voice.frames import FRAME_SAMPLES, RATE, Samples

STEP = RATE // 100
"""Samples the canceller takes at a time: 10 ms."""
ACTIVE_FOR = 1.5
"""Seconds for which it goes on after our last sound: the longest delay and the room's own tail."""
MOST_AHEAD = RATE // 4
"""Samples (250 ms) of our voice that may wait for the microphone's, when the clocks drift apart."""
ALIKE = 80.0
"""Of 100: likeness of words from which what was heard is what we have just said."""
FEWEST_WORDS = 3
"""Under which words alone prove nothing: "yes" may be anybody's."""


class EchoCanceller:
    """WebRTC's AEC3 over frames of 512 samples; it learns the room as we speak.

    It works only while our voice can be heard, so a quiet room costs nothing and is not changed.
    """

    def __init__(self) -> None:
        from pywebrtc_audio import AudioProcessor  # noqa: PLC0415 - only who hears itself loads it

        self._processor = AudioProcessor(
            sample_rate=RATE,
            noise_suppression=False,
            echo_cancellation=True,
            auto_gain_control=False,
            stream_delay_ms=0,
        )
        self._ours = np.zeros(0, np.int16)
        self._near = np.zeros(0, np.int16)
        self._clean = np.zeros(0, np.int16)
        self._silent: float = ACTIVE_FOR

    def clean(self, near: Samples, ours: Samples) -> Samples:
        """A frame of the microphone without our voice, up to 10 ms late.

        Args:
            near: 512 samples of the microphone.
            ours: What went out since the last frame, any number of samples of 16 kHz.
        """
        self._silent = 0.0 if ours.any() else self._silent + len(near) / RATE
        if self._silent >= ACTIVE_FOR:
            self._ours, self._near, self._clean = ours[:0], near[:0], near[:0]
            return near
        self._near = np.concatenate((self._near, near))
        self._ours = np.concatenate((self._ours, ours))[-MOST_AHEAD - len(self._near) :]
        missing = len(self._near) - len(self._ours)
        if missing > 0:
            self._ours = np.pad(self._ours, (0, missing))
        ready = len(self._near) // STEP * STEP
        steps = [
            self._processor.process(self._near[at : at + STEP], self._ours[at : at + STEP])
            for at in range(0, ready, STEP)
        ]
        self._near, self._ours = self._near[ready:], self._ours[ready:]
        self._clean = np.concatenate((self._clean, *steps))
        late = FRAME_SAMPLES - len(self._clean)
        if late > 0:  # Once, at its beginning: a frame is no multiple of a step.
            self._clean = np.concatenate((near[:late], self._clean))
        frame, self._clean = self._clean[:FRAME_SAMPLES], self._clean[FRAME_SAMPLES:]
        return frame


class Spoken:
    """What we have said lately, to know it again when it is heard."""

    def __init__(self) -> None:
        self._lately: deque[str] = deque(maxlen=3)

    def said(self, text: str) -> None:
        """These words of ours sound."""
        self._lately.append(_words(text))

    def is_ours(self, heard: str) -> bool:
        """Whether what was heard is nearly what was just said, or a part of it."""
        words = _words(heard)
        if len(words.split()) < FEWEST_WORDS:
            return False
        return any(
            len(words) <= len(said) + 5 and fuzz.partial_ratio(words, said) >= ALIKE
            for said in self._lately
        )


def _words(text: str) -> str:
    return "".join(each for each in text.lower() if each.isalpha() or each in " '").strip()
