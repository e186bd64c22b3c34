"""Numbers in what people say: "about seven", "a nine", "seven or eight", "half an hour"."""

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

_TEENS = "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()  # noqa: SIM905
_TENS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60}
_COUNTS = (
    {word: value for value, word in enumerate(_WORDS) if value > 0}
    | {word: value for value, word in enumerate(_TEENS, 11)}
    | _TENS
)
_HOURS = re.compile(r"\b(?:(half|quarter)(?: of)?(?: an)? hour|(?:an|one|1|two|2) hours?)\b")
_PORTIONS = {"half": 30, "quarter": 15, None: 60}


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


def minutes(text: str) -> int | None:
    """How long it is to be: "ten minutes", "half an hour"; "a minute" is no length but a manner."""
    plain = text.lower().replace("-", " ")
    if hours := _HOURS.search(plain):
        return _PORTIONS[hours[1]]
    return _counted(plain, r"min(?:ute)?s")


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
