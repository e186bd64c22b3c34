"""The person we talk with: what they chose for themselves, as plain data."""

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from lowtide.intents.events import Change

Patience = Literal["quick", "normal", "patient", "very_patient", "until_done"]
PATIENCES: tuple[Patience, ...] = ("quick", "normal", "patient", "very_patient", "until_done")
"""From the shortest wait to the longest; the last goes on until the person says that it is over."""
LONGEST_SILENCE = PATIENCES.index("very_patient")
"""The last to which "more patience" leads: the next one has to be asked for."""
Night = Literal["off", "on", "clock"]
Breath = Literal["words", "tones"]
BargeIn = Literal["stop", "full"]
Waking = Literal["open", "wake", "push"]
Moment = Literal["asked", "pull", "strong"]
"""When a recording of the person's own is played: only on asking, into the second pull of a night,
or when the number is high."""
NIGHT_BEGINS, NIGHT_ENDS = 22.0, 7.0
"""Hours of the day between which night mode by clock is on."""
STEPS = {"more": (1, "as_patient_as_i_go"), "less": (-1, "as_quick_as_i_go")}
"""Wishes for patience that count from what it is now, and what is said at the last preset."""


@dataclass(frozen=True)
class Person:
    """What is known of the person; nothing of it is ever guessed."""

    ex_name: str | None = None
    """What they call their ex: "Tom"."""
    ex_word: str | None = None
    """"him", "her" or "them"."""
    own_name: str | None = None
    """Used only because they gave it."""
    plan: str | None = None
    """What they will do when the urge comes, in their words: "I will put the kettle on"."""
    country: str | None = None
    """Two letters."""
    patience: Patience = "normal"
    night: Night = "clock"
    barge_in: BargeIn = "stop"
    """What gets through while our voice sounds: stop words and danger, or everything."""
    waking: Waking = "open"
    """Listens at once; sleeps until "low tide" is said; or until a key is pressed."""
    captions: bool = True
    """Whether what is heard and said is shown."""
    journal: bool = False
    """Whether they agreed to a journal."""
    breath: Breath = "words"
    """What marks a breath while we breathe together."""
    recording: bool | None = None
    """Whether there is a recording of their own voice or a friend's."""
    recording_when: Moment = "asked"
    """The hardest moment, chosen by day, at which it is played unasked."""

    def word_for_ex(self, said: str | None) -> str | None:
        """What stands for the ex in an answer: their word of the moment, else what they chose."""
        return said or self.ex_name or self.ex_word

    def changed(self, key: str, value: Any) -> "Person":  # noqa: ANN401 - a field's own type
        """The same person with one setting changed; of a key that is not ours, the same."""
        known = key in {each.name for each in fields(self)}
        return replace(self, **{key: value}) if known else self

    def resolved(self, change: Change) -> Change:
        """A wish as a value: "more" patience is the next longer preset, if there is one."""
        if change.key == "patience" and change.value == "silence":
            return replace(change, value=PATIENCES[min(LONGEST_SILENCE, self._patience)])
        if change.key != "patience" or change.value not in STEPS:
            return change
        step, at_the_end = STEPS[str(change.value)]
        preset = self._patience + step
        if 0 <= preset <= LONGEST_SILENCE:
            return replace(change, value=PATIENCES[preset])
        return replace(change, value=self.patience, line=at_the_end)

    @property
    def _patience(self) -> int:
        return PATIENCES.index(self.patience)

    def has_night(self, hour: float | None) -> bool:
        """Whether night mode is on at this hour of the day (0 to 24), None being unknown."""
        if self.night != "clock" or hour is None:
            return self.night == "on"
        return hour >= NIGHT_BEGINS or hour < NIGHT_ENDS
