"""Breathing together: in for four, out for six, two easy breaths first; the cues grow sparse."""

import re
from collections.abc import Callable, Collection, Mapping
from typing import Literal

from lowtide.intents.acts import Act
from lowtide.intents.events import Understanding
from lowtide.intents.flows import Flow, Until, Words
from lowtide.intents.numbers import breaths as breaths_in
from lowtide.intents.numbers import minutes as minutes_in
from lowtide.intents.text import canonical

EASY = ((3.0, 4.0),) * 2
PACED = (4.0, 6.0)
"""Seconds in and out: six breaths a minute, no hold; safety.md section 1.2."""
BREATHS = (6, 18, 30)
"""Offered first, standard, and long; safety.md section 1.2."""
A_MINUTE = 6
"""Breaths."""
CUED = 4
"""Paced breaths with a word for each half; after them the words come with every second breath."""
CUE_SECONDS = 0.4
"""What a cue takes, word or tone: the wait is counted from its end."""
ENDS = frozenset({"no", "done_venting"})
"""What is said when it is enough: a refusal, and "I'm done"."""
ONCE_MORE = 30.0
"""Seconds after the last breath in which "longer" still means this."""
HALVES: tuple[Literal["in", "out"], ...] = ("in", "out")
_DIZZY = re.compile(r"\b(?:dizzy|light ?headed|tingl\w+|faint|head(?:'s| is) spinning)\b")


def breaths_named(text: str) -> int | None:
    """The number of `BREATHS` that these words choose, by breaths or by minutes, or None."""
    named = breaths_in(text) or (minutes_in(text) or 0) * A_MINUTE
    if named < 2:
        return None
    return next((each for each in BREATHS if named <= each), BREATHS[-1])


Cues = Callable[[Literal["in", "out"]], Act]
"""What marks a half of a breath."""


def breathe(
    words: Words,
    cue: Cues,
    answers: Mapping[str, Collection[str]],
    breaths: int = BREATHS[0],
) -> Flow:
    """Breathe so many paced breaths; anyone dizzy is let off at once.

    Args:
        words: The lines.
        cue: What marks a breath.
        answers: Words, in canonical form, that ask for a "longer" or a "shorter" exercise.
        breaths: How many, two easy ones not counted.
    """

    def wants_more(heard: Understanding) -> bool:
        named = breaths_named(heard.text) is not None
        return named or canonical(heard.text) in answers["longer"]

    def meant_for_us(heard: Understanding) -> bool:
        fewer = canonical(heard.text) in answers["shorter"]
        return wants_more(heard) or fewer or heard.intent in ENDS or _dizzy(heard)

    rhythm: list[tuple[int, Act | None, float]] = [(0, words("breathe_begin"), 1.0)]
    since: float | None = None
    while rhythm:
        number, said, seconds = rhythm.pop(0)
        acts = (said,) if said else ()
        answer = yield Until(acts, seconds, takes=meant_for_us, deaf_to_none=True)
        if answer.intent == "no":
            return
        if answer.intent == "done_venting":
            break
        if answer.heard is not None and _dizzy(answer.heard):
            yield Until((words("breathe_dizzy"),), 0.0)
            return
        if answer.heard is not None:
            breaths = _wished(answer.text, breaths, answers)
            left = 0.0 if since is None else since + seconds + CUE_SECONDS - answer.at
            rhythm.insert(0, (number, None, max(left, 0.0)))  # Words do not cut a breath short.
        since = answer.at
        if not rhythm and number < len(EASY) + breaths:
            rhythm = _halves(number, cue)
    answer = yield Until((words("breathe_end"),), ONCE_MORE, takes=wants_more)
    if answer.heard is not None:
        yield from breathe(words, cue, answers, _wished(answer.text, breaths, answers))


def _wished(text: str, breaths: int, answers: Mapping[str, Collection[str]]) -> int:
    """How many breaths it is to be, after so many were meant; 0 where fewer are not offered."""
    if canonical(text) in answers["shorter"]:
        return max((each for each in BREATHS if each < breaths), default=0)
    more = next((each for each in BREATHS if each > breaths), breaths)
    return breaths_named(text) or more


def _halves(number: int, cue: Cues) -> list[tuple[int, Act | None, float]]:
    """A breath in and out: the number of the next breath, what marks it, and seconds to wait."""
    spoken = number < len(EASY) + CUED or number % 2 == 0
    halves = EASY[number] if number < len(EASY) else PACED
    return [
        (number + 1, cue(half) if spoken else None, seconds - CUE_SECONDS * spoken)
        for half, seconds in zip(HALVES, halves, strict=True)
    ]


def _dizzy(heard: Understanding) -> bool:
    return any(_DIZZY.search(each) for each in (heard.text, *heard.readings))
