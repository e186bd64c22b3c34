"""Where an utterance begins and ends.

    frames   . . s S S S s s s . s s . . . . . .
             pre-roll^ onset        ^end   ^ended, after the patience of that moment

How long a silence must be is decided by the preset and by meaning: short after a whole known
sentence, long where a sentence is open ("I want to", "because"), longest in venting.
"""

from dataclasses import dataclass

from lowtide.intents.completeness import Completeness
from lowtide.intents.person import Patience
from lowtide.voice.frames import FRAME_SECONDS

PATIENCE: dict[Patience, dict[Completeness, float]] = {
    "quick": {"whole": 0.25, "clear": 0.35, "unknown": 0.45, "open": 0.9},
    "normal": {"whole": 0.32, "clear": 0.45, "unknown": 0.65, "open": 1.4},
    "patient": {"whole": 0.9, "clear": 1.1, "unknown": 1.4, "open": 2.4},
    "very_patient": {"whole": 2.0, "clear": 2.4, "unknown": 3.0, "open": 5.0},
    "until_done": {"whole": 2.0, "clear": 2.4, "unknown": 3.0, "open": 5.0},
}
"""Seconds of silence that end an utterance; voice.md section 6 rule 6, safety.md section 1.2. The
last preset's only end a breath of what is told, see `lowtide.voice.telling`."""
CLOSED_AFTER = 0.9
"""Seconds of silence that end it after closing words: "I'm done" may become "I'm done with him"."""
LONG_PATIENCE = 3.0
"""Seconds, at least, while somebody vents; safety.md section 1.2."""
JUDGED_AFTER = 0.15
"""Seconds of silence after which it is worth asking what the words so far mean."""

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

    def __init__(self) -> None:
        self._started: int | None = None
        self.reset()

    @property
    def speaking(self) -> bool:
        """Whether an utterance is under way."""
        return self._started is not None

    @property
    def stirring(self) -> bool:
        """Whether the last frame may become the beginning of an utterance."""
        return self._voiced_in_a_row > 0

    @property
    def silence(self) -> float:
        """Seconds since the last voiced frame of the utterance under way; 0 without one."""
        return (self._index - self._last_voiced) * FRAME_SECONDS if self.speaking else 0.0

    def resume(self, start: int, last_voiced: int) -> None:
        """An utterance that had ended goes on: frames of its beginning and its last voice."""
        self._started, self._last_voiced, self._index = start, last_voiced, last_voiced

    def reset(self) -> None:
        """Forget an utterance under way."""
        self._started = None
        self._voiced_in_a_row = 0
        self._last_voiced = self._index = 0

    def hear(
        self, index: int, probability: float, patience: float
    ) -> SpeechStarted | SpeechEnded | None:
        """Take in one frame.

        Args:
            index: The frame's.
            probability: That somebody speaks in it.
            patience: Seconds of silence that end an utterance at this moment.
        """
        self._index = index
        if self._started is None:
            return self._before(index, probability)
        if probability >= OFFSET:
            self._last_voiced = index
        length = (index - self._started) * FRAME_SECONDS
        if self.silence >= patience or length >= LONGEST:
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
