"""What the core can be told."""

from dataclasses import dataclass
from typing import Literal

Tier = Literal["A", "B"]
"""A: clear, answer now. B: unclear, ask one direct question."""


@dataclass(frozen=True)
class Word:
    """One word of a reading, and when it was said."""

    text: str
    start: float
    """Seconds since the first sample the recogniser was given of the utterance."""
    end: float


@dataclass(frozen=True)
class Hypothesis:
    """One reading of an utterance."""

    text: str
    """Lower case words, as the recogniser wrote them."""
    confidence: float = 1.0
    """0 to 1, among the readings of one utterance; together they reach 1 where it was clear."""
    words: tuple[Word, ...] = ()
    """In order; empty where the recogniser gives no times."""


@dataclass(frozen=True)
class Utterance:
    """One stretch of speech, as the recogniser read it."""

    start: float
    """Seconds on the session's clock: first voiced frame."""
    end: float
    """Seconds on the session's clock: end of the last voiced frame."""
    hypotheses: tuple[Hypothesis, ...]
    """N-best, best first; empty when nothing was recognised."""
    loudness: float | None = None
    """dBFS; see `lowtide.voice.session`."""

    @property
    def text(self) -> str:
        """The best reading, or an empty string."""
        return self.hypotheses[0].text if self.hypotheses else ""

    @property
    def certainty(self) -> float:
        """0 to 1: how clear it was, as far as the recogniser knows."""
        return sum(each.confidence for each in self.hypotheses)


@dataclass(frozen=True)
class Alarm:
    """What the safety net caught."""

    intent: str
    """crisis_self_harm, unsafe_with_him or crisis_harm_others."""
    tier: Tier
    script: str
    """The first words of the answer, by their name in `_safety.toml`: "choking", "unsafe_now" …"""
    frame: str = ""
    """The frame that caught it; empty where it was only near to danger."""


@dataclass(frozen=True)
class Change:
    """A wish about a setting of the person's."""

    key: str
    """A field of `Person`; empty where only something is asked about settings."""
    value: str | bool | None
    """What it shall be; None clears it."""
    line: str
    """The lines of `_settings.toml` that answer it."""
    said: str = ""
    """The name, country or plan as it is said back."""
    ask: bool = False
    """Whether it has to be asked about first."""


@dataclass(frozen=True)
class Understanding:
    """What an utterance was taken to mean, and why."""

    text: str
    intent: str
    """An id of the packs, or "none"."""
    score: float
    """0 to 1: how sure; of the best candidate, also where it was rejected."""
    runner_up: str | None = None
    """The next best intent."""
    alarm: Alarm | None = None
    """Set when the safety net caught something: then nothing else counts."""
    ex_word: str | None = None
    """How the person named the ex, as we would say it back: "him", "Sam", "your ex"."""
    beneath: str = "none"
    """The intent it would have without the alarm."""
    because: str = ""
    """The phrase or the frame that decided."""
    known: bool = False
    """Whether it is, word for word, a sentence of the packs."""
    wakes: bool = False
    """Whether the wake phrase was in it."""
    change: Change | None = None
    """The wish about a setting that it is, whatever else it might mean."""
    readings: tuple[str, ...] = ()
    """What the recogniser may have heard, best first."""
    loudness: float | None = None
    """dBFS of the utterance, where it was spoken."""

    @property
    def tier(self) -> str | None:
        """The safety tier, "A" (clear) or "B" (ask), or None."""
        return self.alarm.tier if self.alarm else None
