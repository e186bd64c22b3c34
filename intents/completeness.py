"""Whether what was heard so far is a whole sentence, or one that somebody is in the middle of."""

from typing import Literal

Completeness = Literal["whole", "clear", "unknown", "open"]

_OPEN = frozenset(
    "a about am an and are as at be because been but by can could did do does for from had has "  # noqa: SIM905
    "have he his how i if in into is it's just like maybe my no not of on or our she should so "
    "some than that the their they to um until very was we were what when where which while who "
    "will with would your i'm i've i'll he's she's they're we're really even only "
    "want wanted need going gonna wanna keep feel".split()
)
"""Words after which a sentence goes on: articles, prepositions, conjunctions, subjects, helpers."""
_WHOLE_ALONE = frozenset({"no", "why", "him", "not"})
"""Open words that are a whole answer when nothing else was said."""


def completeness(text: str, *, known: bool, clear: bool) -> Completeness:
    """How far a sentence has come.

    Args:
        text: What was understood so far, lower case.
        known: Whether it is, as a whole, a sentence of the packs.
        clear: Whether what it means is clear.
    """
    words = text.split()
    if not words:
        return "unknown"
    if known:
        return "whole"
    if words[-1] in _OPEN and not (len(words) == 1 and words[0] in _WHOLE_ALONE):
        return "open"
    return "clear" if clear else "unknown"
