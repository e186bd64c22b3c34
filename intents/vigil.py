"""What stays of a danger for the rest of the night, after its script has ended."""

from lowtide.intents.events import Alarm
from lowtide.intents.flows import WhileSilent, Words
from lowtide.intents.flows.safety import LOOK_AGAIN, LOOK_AGAIN_AFTER, OVERHEARD, while_silent


class Vigil:
    """Remembers what was caught and said; nothing clears it before the night is over."""

    def __init__(self) -> None:
        self.intent: str | None = None
        """The latest danger, or None on a night without."""
        self._script = ""
        self._look_at: float | None = None
        self._looked = self._shame_asked = False

    @property
    def overheard(self) -> bool:
        """Whether somebody else may be listening."""
        return self._script in OVERHEARD

    def counts(self, alarm: Alarm) -> bool:
        """Whether an alarm is to be answered: dying of shame is asked about once a night."""
        if alarm.script != "hyperbole_warm_question":
            return True
        first, self._shame_asked = not self._shame_asked, True
        return first

    def notice(self, alarm: Alarm) -> bool:
        """Take in an alarm; whether it is of the danger that is being spoken of."""
        same = alarm.intent == self.intent
        self.intent = alarm.intent
        return same

    def said(self, script: str, now: float) -> None:
        """A script was said; the first denial of a night is looked at once more."""
        self._script = script
        if script == "after_denial" and not self._looked:
            self._look_at = now + LOOK_AGAIN_AFTER

    def look_again(self, now: float) -> str | None:
        """The script of the one more look when it is time for it, once a night."""
        if self._looked or self._look_at is None or now < self._look_at:
            return None
        self._looked = True
        return LOOK_AGAIN.get(self.intent or "", "one_more_look")

    def company(self, say: Words) -> list[WhileSilent]:
        """What silence brings once everything has been said."""
        return list(while_silent(self._script, say, everything_said=True))
