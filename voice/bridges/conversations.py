"""Many conversations at once, where somebody else owns microphone and speaker: words in, acts out.

We are spoken to there and can't speak first, so silence brings nothing. What falls due is said with
the next answer: the one more look after a danger that was denied.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from lowtide.intents.acts import Act, Say
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis
from lowtide.intents.understanding import Understander
from lowtide.voice.bridges.lately import Lately

KEPT_FOR = 1800.0
"""Seconds a conversation goes on after its last words; Home Assistant begins another after 300."""
NIGHT = 8 * 3600.0
"""Seconds for which a danger is remembered: no advice about love for the rest of the night."""
MOST = 512
"""Conversations kept at once."""
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


class Conversations:
    """Finds the conversation that words belong to, and answers in it.

    Args:
        understander: Shared by all; one thread at a time.
        begin: Makes a new dialogue, one that does not speak first.
    """

    def __init__(self, understander: Understander, begin: Callable[[], Dialogue]) -> None:
        self._understander = understander
        self._begin = begin
        self._open: Lately[str, Dialogue] = Lately(MOST, KEPT_FOR)
        self._in_danger: Lately[str, Dialogue] = Lately(MOST, NIGHT)
        """By conversation and by place: who comes back by another way is still known."""

    def answer(self, told: Told, now: float) -> tuple[Act, ...]:
        """What is answered at `now` (seconds on a clock that all conversations share)."""
        dialogue = self._found(told, now)
        heard = self._understander.understand(told.hypotheses, dialogue.person.ex_name)
        if dialogue.state == "asleep":  # The house has a wake word of its own, and it was said.
            dialogue.hear(replace(heard, wakes=True, alarm=None), now)
        acts = (*dialogue.hear(heard, now), *_due(dialogue, now))
        self._keep(told, dialogue, now)
        return acts

    def _found(self, told: Told, now: float) -> Dialogue:
        for key in filter(None, (told.conversation, told.place)):
            if dialogue := self._in_danger.get(key, now):
                return dialogue
        return self._open.get(told.conversation, now) or self._begin()

    def _keep(self, told: Told, dialogue: Dialogue, now: float) -> None:
        if dialogue.in_danger:
            for key in filter(None, (told.conversation, told.place)):
                self._in_danger.put(key, dialogue, now)
        elif dialogue.state == "asleep":
            self._open.drop(told.conversation)  # Good night: what comes next begins anew.
        else:
            self._open.put(told.conversation, dialogue, now)


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
