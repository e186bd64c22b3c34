"""Chooses words that were not said lately."""

import random
from collections import deque
from collections.abc import Sequence
from typing import TypeVar

from lowtide.intents.acts import BEFORE_ACTION, Part, sentences
from lowtide.intents.pack import Reply

Variant = TypeVar("Variant")

NOT_AGAIN_WITHIN = 5
"""Replies on one topic before one may come again; DESIGN.md section 5."""


class Chooser:
    """Draws from a topic's variants; the same seed and questions give the same night."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - variety, not secrecy
        self._lately: dict[str, deque[object]] = {}

    def choose(self, topic: str, variants: Sequence[Variant]) -> Variant:
        """One of the variants, not said within the last five on this topic if there are others."""
        lately = self._lately.setdefault(topic, deque(maxlen=NOT_AGAIN_WITHIN))
        last = len(variants) - 1
        barred = list(lately)[-last:] if last else []
        chosen = self._random.choice([each for each in variants if each not in barred])
        lately.append(chosen)
        return chosen


def speakable(replies: Sequence[Reply], ex_word: str | None) -> list[Reply]:
    """The replies that can be said when this is the person's word for the ex."""
    return [reply for reply in replies if ex_word or not reply.needs_ex_word]


def as_parts(reply: Reply, ex_word: str | None) -> tuple[Part, ...]:
    """A reply's sentences with the pauses designed for them."""
    if reply.line:
        return sentences(*split(reply.line))
    validation = reply.validation.replace("{him}", ex_word or "")
    opening = sentences(validation, *split(reply.idea))
    action = split(reply.action)
    return (*opening, Part(action[0], BEFORE_ACTION), *sentences("", *action[1:])[1:])


def split(text: str) -> list[str]:
    """A text's sentences, each with its closing mark."""
    marked = text.replace("? ", "?\n").replace(". ", ".\n")
    return [sentence.strip() for sentence in marked.split("\n")]
