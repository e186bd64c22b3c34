"""Numbers in what people say: "seven or eight", "seven out of ten", "half an hour"."""

import re
from collections.abc import Sequence

NUMBERS = "zero one two three four five six seven eight nine ten".split()  # noqa: SIM905
"""From 0 to 10, in words."""
_VALUES = {word: value for value, word in enumerate(NUMBERS)} | {
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

_AROUND = frozenset(
    "a about again all an and around at back be by down feels half i it it's its i'd i'll is like "  # noqa: SIM905
    "little maybe more now okay or perhaps point probably say so still strong that that's the then "
    "think to up well".split()
)
"""Words that stand around a number when nothing else is said."""
_SCALE = re.compile(r"(?:\bout of|/) *(?:ten|10)\b")
_PART = re.compile(r"(?<=\d)[.,]\d+|\bpoint (?:\w+)\b")
"""What "seven point five" has behind the seven."""

_TEENS = "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60}
_COUNTS = (
    {word: value for value, word in enumerate(NUMBERS) if value > 0}
    | {word: value for value, word in enumerate(_TEENS, 11)}
    | _TENS
)
_HOURS = re.compile(r"\b(?:(half|quarter)(?: of)?(?: an)? hour|(?:an|one|1|two|2) hours?)\b")
_PORTIONS = {"half": 30, "quarter": 15, None: 60}


def rating(text: str) -> int | None:
    """The number from 0 to 10 that was said, the last one if there are several, or None.

    "Seven and a half" is a seven: nobody is held to a half.
    """
    words = _rated(text)
    found = [_value(word, alone=len(words) == 1) for word in words if word != "one"]
    if "one" in words and _nothing_else(words):  # "No one" is no number.
        found = [_value(word, alone=False) for word in words]
    values = [value for value in found if value is not None]
    return values[-1] if values else None


def only_rating(text: str) -> int | None:
    """The number where hardly anything else was said: "maybe a six now", but not "two messages"."""
    words = _rated(text)
    return rating(text) if words and _nothing_else(words) else None


def _rated(text: str) -> list[str]:
    """The words in which a number is looked for."""
    return re.findall(r"[a-z']+|\d+", _PART.sub("", _SCALE.sub("", text.lower())))


def _nothing_else(words: Sequence[str]) -> bool:
    numbers = (_VALUES.keys() - _MISHEARD) | _AROUND
    alone = len(words) == 1 and words[0] in _VALUES
    return alone or all(word in numbers or word.isdigit() for word in words)


def _value(word: str, *, alone: bool) -> int | None:
    if word.isdigit():
        return int(word) if int(word) <= 10 else None
    if word in _MISHEARD and not alone:
        return None
    return _VALUES.get(word)


def minutes(text: str) -> int | None:
    """How long it is to be: "ten minutes", "half an hour"; "a minute" is no length but a manner."""
    plain = text.lower().replace("-", " ")
    if hours := _HOURS.search(plain):
        return _PORTIONS[hours[1]]
    return _counted(plain, r"min(?:ute)?s") or _made_of(plain)


def _made_of(text: str) -> int | None:
    """What is above ten needs no "minutes" to be a length: "make it twenty", "thirty"."""
    found = re.fullmatch(r"(?:.* )?(?:make it|for|stay) (\w+)(?: please)?|(\w+)", text.strip())
    number = (found[1] or found[2]) if found else ""
    value = int(number) if number.isdigit() else _COUNTS.get(number, 0)
    return value if value > 10 else None


def breaths(text: str) -> int | None:
    """How many breaths were named: "eighteen breaths", "30 slow breaths"."""
    return _counted(text.lower(), r"(?:slow |deep |more )?breaths?")


def _counted(text: str, unit: str) -> int | None:
    found = re.search(rf"((?:\w+ )?\w+) {unit}\b", text)
    if found is None:
        return None
    tens, number = (["", *found[1].split()])[-2:]
    if number.isdigit():
        return int(number)
    if number not in _COUNTS:
        return None
    return _COUNTS[number] + (_TENS.get(tens, 0) if _COUNTS[number] < 10 else 0)
