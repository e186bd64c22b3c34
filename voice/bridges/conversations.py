"""Many conversations at once, where somebody else owns microphone and speaker: words in, acts out.

We are spoken to there and can't speak first, so silence brings nothing. What falls due is said with
the next answer: the one more look after a danger that was denied.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lowtide.intents.acts import Act, Say
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis
from lowtide.intents.pack import ANSWERING, Pack
from lowtide.intents.understanding import Understander
from lowtide.voice.bridges.lately import Lately

KEPT_FOR = 1800.0
"""Seconds a conversation goes on after its last words; Home Assistant begins another after 300."""
NIGHT = 8 * 3600.0
"""Seconds for which a danger is remembered: no advice about love for the rest of the night."""
MOST = 512
"""Conversations kept at once."""
AT_REST = ("idle", "asleep", "urge")
"""States in which nothing is going on; "urge" only waits a little for a word."""
BEGINS = ("stay_with_me", "breathe", "vent", "unsent_letter")
"""Controls that begin something of ours."""
REMARKS = ("yes", "no", "thank_you", "repeat", "help", "forget_that")
"""Controls that are said to us only when we have just been talked with."""
MOST_STEPS = 8
"""Steps of a script that may follow each other without a word of the person's."""


@dataclass(frozen=True)
class Told:
    """Something said to us."""

    hypotheses: tuple[Hypothesis, ...]
    """Best first."""
    conversation: str
    """Tells one conversation from another."""
    place: str | None = None
    """The room or device it was said in, where that is known."""


class Dialogues:
    """The dialogues that go on, each under the names by which the person may come back.

    One that was left is forgotten, one in which there was danger only after the night.
    """

    def __init__(self) -> None:
        self._open: Lately[str, Dialogue] = Lately(MOST, KEPT_FOR)
        self._in_danger: Lately[str, Dialogue] = Lately(MOST, NIGHT)

    def find(self, names: Sequence[str], now: float) -> Dialogue | None:
        """The one that goes on: of danger by any name, else by the first."""
        for name in names:
            if dialogue := self._in_danger.get(name, now):
                return dialogue
        return self._open.get(names[0], now)

    def keep(self, names: Sequence[str], dialogue: Dialogue, now: float) -> None:
        """It was used just now."""
        if dialogue.in_danger:
            for name in names:
                self._in_danger.put(name, dialogue, now)
        elif dialogue.state == "asleep":
            self._open.drop(names[0])  # Good night: what comes next begins anew.
        else:
            self._open.put(names[0], dialogue, now)


class Conversations:
    """Finds the conversation that words belong to, and answers in it.

    Args:
        understander: Shared by all.
        begin: Makes a new dialogue, one that does not speak first.
        pack: What can be heard.
    """

    def __init__(
        self, understander: Understander, begin: Callable[[], Dialogue], pack: Pack
    ) -> None:
        self._understander = understander
        self._begin = begin
        self._groups = {intent.id: intent.group for intent in pack.intents.values()}
        self._dialogues = Dialogues()

    def wants(self, told: Told, now: float) -> bool:
        """Whether these words are for us, where others listen too; nothing is answered.

        Danger always is, and whatever is said while something is going on; otherwise what has an
        answer of ours. "Louder" and "good night" are the house's own, and `none` is for others.
        """
        dialogue = self._dialogues.find(_names(told), now)
        name = dialogue.person.ex_name if dialogue else None
        heard = self._understander.understand(told.hypotheses, name)
        if heard.alarm is not None or (dialogue and dialogue.state not in AT_REST):
            return True
        known = self._groups.get(heard.intent) in ANSWERING or heard.intent in BEGINS
        return known or (dialogue is not None and heard.intent in REMARKS)

    def going_on(self, conversation: str, now: float) -> bool:
        """Whether something is going on that "stop" would end."""
        dialogue = self._dialogues.find((conversation,), now)
        return dialogue is not None and dialogue.state not in AT_REST

    def answer(self, told: Told, now: float) -> tuple[Act, ...]:
        """What is answered at `now` (seconds on a clock that all conversations share)."""
        names = _names(told)
        dialogue = self._dialogues.find(names, now) or self._begin()
        heard = self._understander.understand(told.hypotheses, dialogue.person.ex_name)
        if dialogue.state == "asleep":  # The house has a wake word of its own, and it was said.
            dialogue.hear(replace(heard, wakes=True, alarm=None), now)
        acts = (*dialogue.hear(heard, now), *_due(dialogue, now))
        self._dialogues.keep(names, dialogue, now)
        return acts


def _names(told: Told) -> tuple[str, ...]:
    return (told.conversation, told.place) if told.place else (told.conversation,)


def as_one(acts: Sequence[Act]) -> Say | None:
    """All words of an answer together, or None where it is silence."""
    says = [act for act in acts if isinstance(act, Say)]
    if not says:
        return None
    parts = tuple(part for say in says for part in say.parts)
    return replace(says[0], parts=parts, private=any(say.private for say in says))


def _due(dialogue: Dialogue, now: float) -> tuple[Act, ...]:
    """What follows the words just said without waiting for an answer."""
    acts: tuple[Act, ...] = ()
    for _ in range(MOST_STEPS):
        acts += dialogue.said(now)
        more = dialogue.tick(now)
        if not more:
            break
        acts += more
    return acts
