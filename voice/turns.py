"""Where an utterance begins and ends.

frames   . . s s S s s s . s s . . . . . .
         pre-roll^ onset       ^end   ^ended, after PATIENCE of silence
"""

from dataclasses import dataclass
from typing import Literal

from lowtide.voice.frames import FRAME_SECONDS

Patience = Literal["quick", "normal", "patient", "very_patient"]

PATIENCE: dict[str, float] = {
    "quick": 0.5,
    "normal": 0.8,
    "patient": 1.4,
    "very_patient": 2.5,
}
"""Seconds of silence that end an utterance; voice.md section 6 rule 6, safety.md section 1.2."""

ONSET = 0.4
"""Probability from which a frame may begin speech; low enough for whispering (voice.md 2)."""
OFFSET = 0.25
"""Probability under which a frame is silence once speech has begun."""
ONSET_FRAMES = 3
"""Frames in a row that begin an utterance: 96 ms, so a click does not."""
LONGEST = 60.0
"""Seconds after which an utterance is cut, so that nothing grows without end."""


@dataclass(frozen=True)
class SpeechStarted:
    """An utterance has begun."""

    frame: int
    """Index of its first voiced frame."""


@dataclass(frozen=True)
class SpeechEnded:
    """An utterance is over."""

    frame: int
    """Index after its last voiced frame."""


class TurnTaker:
    """Finds utterances in the probabilities of speech, frame by frame."""

    def __init__(self, patience: Patience = "normal") -> None:
        self._patience = PATIENCE[patience]
        self.reset()

    @property
    def speaking(self) -> bool:
        """Whether an utterance is under way."""
        return self._started is not None

    def reset(self) -> None:
        """Forget an utterance under way."""
        self._started: int | None = None
        self._voiced_in_a_row = 0
        self._last_voiced = 0

    def hear(self, index: int, probability: float) -> SpeechStarted | SpeechEnded | None:
        """Take in one frame."""
        if self._started is None:
            return self._before(index, probability)
        if probability >= OFFSET:
            self._last_voiced = index
        silence = (index - self._last_voiced) * FRAME_SECONDS
        length = (index - self._started) * FRAME_SECONDS
        if silence >= self._patience or length >= LONGEST:
            ended = SpeechEnded(self._last_voiced + 1)
            self.reset()
            return ended
        return None

    def _before(self, index: int, probability: float) -> SpeechStarted | None:
        self._voiced_in_a_row = self._voiced_in_a_row + 1 if probability >= ONSET else 0
        if self._voiced_in_a_row < ONSET_FRAMES:
            return None
        self._started = index - ONSET_FRAMES + 1
        self._last_voiced = index
        return SpeechStarted(self._started)
