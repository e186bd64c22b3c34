"""Numbers from 0 to 10 in what people say: "about seven", "a nine", "10", "seven or eight"."""

import re

_WORDS = "zero one two three four five six seven eight nine ten".split()  # noqa: SIM905
_VALUES = {word: value for value, word in enumerate(_WORDS)} | {
    "nought": 0,
    "naught": 0,
    "nil": 0,
    "nothing": 0,
    "none": 0,
    "to": 2,
    "too": 2,
    "for": 4,
    "ate": 8,
    "tan": 10,
}
_MISHEARD = {"to", "too", "for", "ate", "tan", "nothing", "none"}
"""Words that are a number only when they are all that was said."""


def rating(text: str) -> int | None:
    """The number from 0 to 10 that was said, the last one if there are several, or None."""
    words = re.findall(r"[a-z]+|\d+", text.lower())
    found = [_value(word, alone=len(words) == 1) for word in words]
    values = [value for value in found if value is not None]
    return values[-1] if values else None


def _value(word: str, *, alone: bool) -> int | None:
    if word.isdigit():
        return int(word) if int(word) <= 10 else None
    if word in _MISHEARD and not alone:
        return None
    return _VALUES.get(word)
