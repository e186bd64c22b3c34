"""What is told over many breaths, until the person says that they are done.

    breath . . . . breath . . breath, "over to you" ──► all of it, without the closing words

A breath is an utterance that a silence ended. Each is looked through for a stop and for danger as
soon as it is over, so that neither waits for the rest.
"""

from dataclasses import dataclass, replace
from functools import reduce

from lowtide.intents.closing import Closing
from lowtide.intents.events import Hypothesis, Understanding, Utterance

ENDS_AFTER = 30.0
"""Seconds of silence after which nobody goes on: longer than words are searched for, and short
enough that who forgot the closing words, or was not understood, is not left alone with it."""
LONGEST = 600.0
"""Seconds after which it is answered anyway, so that a television is not listened to for ever."""
READINGS = 3
"""Readings of a breath in which closing words are looked for: they are the way to an answer."""
LEAST_SHARE = 0.1
"""Of the likeliest reading's confidence, that one needs; some break off after "that's all"."""


@dataclass(frozen=True)
class Told:
    """All of a turn."""

    whole: Utterance
    last: Utterance
    """Its last breath, without the closing words."""
    earlier: tuple[Understanding, ...] = ()
    """What the breaths before it meant, the latest first."""


class Telling:
    """Gathers the breaths of one turn.

    Args:
        closing: Knows the closing words.
    """

    def __init__(self, closing: Closing) -> None:
        self._closing = closing
        self._breaths: tuple[tuple[Utterance, Understanding], ...] = ()
        self._before: tuple[tuple[Utterance, Understanding], ...] = ()
        self.last: Utterance | None = None
        """The last breath, while more may follow it."""

    @property
    def under_way(self) -> bool:
        """Whether something was told that is not over."""
        return bool(self._breaths)

    def closes(self, text: str) -> bool:
        """Whether these words are the last of a turn."""
        return self._closing.cut(text) is not None

    def hear(self, breath: Utterance, found: Understanding) -> Told | None:
        """Take in a breath; all that was told, if it is over with this one.

        Args:
            breath: The next one.
            found: What it means by itself.
        """
        closed = self._cut(breath)
        is_all = closed is not None and not closed.text and not self._breaths
        if is_all or (closed is not None and found.change is not None):
            self.forget()  # "I'm done" alone means something, "don't wait for I'm done" too.
            return Told(breath, breath)
        self._before, self.last = self._breaths, breath
        self._breaths = (*self._before, (closed or breath, found))
        over = closed is not None or breath.end - self._breaths[0][0].start >= LONGEST
        return self._taken() if over else None

    def over(self, now: float) -> Told | None:
        """All that was told, when nobody has gone on for long enough."""
        quiet = self._breaths and now - self._breaths[-1][0].end >= ENDS_AFTER
        return self._taken() if quiet else None

    def split(self, breath: Utterance) -> tuple[Utterance, ...]:
        """A breath, and closing words in it as one of their own: a script waits for them."""
        closed = self._cut(breath)
        if closed is None:
            return (breath,)
        done = replace(breath, hypotheses=(Hypothesis(self._closing.done),))
        return (closed, done) if closed.text else (done,)

    def with_last(self, breath: Utterance) -> Utterance:
        """A breath with the one before it: danger may stand in both."""
        return joined(self._breaths[-1][0], breath) if self._breaths else breath

    def go_back(self) -> None:
        """The last breath goes on."""
        self._breaths = self._before

    def forget(self) -> None:
        """Something else was answered."""
        self._breaths = self._before = ()
        self.last = None

    def _cut(self, breath: Utterance) -> Utterance | None:
        """A breath without its closing words, None where it has none."""
        readings = tuple(
            replace(each, text=before, words=())
            for each in breath.hypotheses[:READINGS]
            if each.confidence >= LEAST_SHARE * breath.hypotheses[0].confidence
            and (before := self._closing.cut(each.text)) is not None
        )
        return replace(breath, hypotheses=readings) if readings else None

    def _taken(self) -> Told:
        breaths, self._breaths = self._breaths, ()
        whole = reduce(joined, (breath for breath, _ in breaths))
        return Told(whole, breaths[-1][0], tuple(found for _, found in breaths[-2::-1]))


def joined(first: Utterance, then: Utterance) -> Utterance:
    """Two breaths as one, in the best reading of the first and every reading of the other."""
    if not then.text:
        return replace(first, end=then.end)
    readings = tuple(
        replace(each, text=f"{first.text} {each.text}", words=()) for each in then.hypotheses
    )
    loudness = first.loudness if then.loudness is None else then.loudness
    return replace(then, start=first.start, hypotheses=readings, loudness=loudness)
