"""The conversation typed: the same core on a virtual clock, without ears or mouth."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from lowtide.intents.acts import Act, Say, as_json
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis, Understanding
from lowtide.intents.understanding import Understander

WAIT = re.compile(r"@wait (\d+(?:\.\d+)?)")
TICK = 0.5
"""Seconds between two looks at the clock while time passes."""


def converse(
    lines: Iterable[str],
    understander: Understander,
    dialogue: Dialogue,
    keep: Callable[[tuple[Act, ...], float], None] = lambda _acts, _now: None,
) -> Iterator[dict[str, Any]]:
    """What is answered to each line and to the time that passes, as `chat --json` prints it.

    What we say takes as long as it would aloud, so that patience counts from its end.

    Args:
        lines: What is said, and "@wait 90".
        understander: Says what it means.
        dialogue: Answers it.
        keep: Writes down what is to be kept, told with the seconds since the beginning.
    """
    now = 0.0
    for line in lines:
        if waited := WAIT.fullmatch(line):
            until = now + float(waited.group(1))
            while now < until:
                now = min(now + TICK, until)
                if acts := dialogue.tick(now):
                    keep(acts, now)
                    yield _entry(now, None, acts)
                    now = _spoken(acts, now)
                    dialogue.said(now)
            continue
        understanding = understander.understand([Hypothesis(line)], dialogue.person.ex_name)
        acts = dialogue.hear(understanding, now)
        keep(acts, now)
        yield _entry(now, understanding, acts)
        now = _spoken(acts, now)
        dialogue.said(now)
        while acts := dialogue.tick(now):  # As at a microphone, where a frame passes at once.
            keep(acts, now)
            yield _entry(now, None, acts)
            now = _spoken(acts, now)
            dialogue.said(now)


def _spoken(acts: tuple[Act, ...], now: float) -> float:
    for act in acts:
        if isinstance(act, Say):
            words = sum(len(part.text.split()) for part in act.parts)
            now += words * 60 / act.words_per_minute + sum(part.pause for part in act.parts)
    return now


def _entry(
    now: float, understanding: Understanding | None, acts: tuple[Act, ...]
) -> dict[str, Any]:
    return {
        "at": round(now, 1),
        "heard": understanding.text if understanding else None,
        "intent": understanding.intent if understanding else None,
        "tier": understanding.tier if understanding else None,
        "acts": [as_json(act) for act in acts],
    }
