"""The safety net: reads every alternative for danger, before and above the matcher.

A frame says who does or wants what, to whom, with what; it is a row of word classes, not a scary
word. The frames stand in the pack (`_frames.toml`), where a clinician can read them:

    [[frame]]
    name = "wish_to_be_dead"
    intent = "crisis_self_harm"
    tier = "A"
    says = ["<i> ... <want> ... to <be_dead>"]
    unless = ["<be_dead> ... laughing"]

`<class>` is one of the rows of `[words]`, `...` lets up to four words pass, `[a b]` may be left
out, `(a|b)` is one or the other. Rows are compared with canonical text, the ex being "ex".
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import re2

from lowtide.intents.events import Alarm, Hypothesis
from lowtide.intents.flows.safety import CLEAR, MISHEARD, QUESTION
from lowtide.intents.pack import Pack, PackInvalid
from lowtide.intents.text import canonical

GAP = r"(?:\S+ ){0,4}"
"""`...`: up to four words between two parts of a frame."""


class Pattern(Protocol):
    """A compiled regular expression."""

    def search(self, text: str, /) -> object | None:
        """The first place where it fits, or None."""
        ...


LEAST_SHARE = 0.2
"""Of the likeliest reading's confidence, that a lesser one needs to be heard: every "call him"
has a "kill him" somewhere among its readings."""


@dataclass(frozen=True)
class Frame:
    """One meaning that counts as danger."""

    alarm: Alarm
    says: Pattern
    unless: Pattern | None


class SafetyNet:
    """Reads utterances for danger.

    Raises:
        PackInvalid: A frame of the pack can't be read.
    """

    def __init__(self, pack: Pack) -> None:
        self._names = pack.names
        self._frames = tuple(_frames(pack.frames, pack.scripts))

    def read(self, hypotheses: Sequence[Hypothesis]) -> Alarm | None:
        """The gravest alarm in any of the alternatives, or None.

        What only a lesser alternative says is unclear at most: tier B.
        """
        alarms = []
        least = LEAST_SHARE * max((each.confidence for each in hypotheses), default=0.0)
        for rank, hypothesis in enumerate(hypotheses):
            if hypothesis.confidence < least:
                continue
            found = self._alarm(f"{canonical(hypothesis.text, self._names)} ")
            if found is not None:
                alarms.append(found if rank == 0 else _doubted(found))
        return min(alarms, key=lambda alarm: alarm.tier, default=None)

    def _alarm(self, text: str) -> Alarm | None:
        found = [frame.alarm for frame in self._frames if _fits(frame, text)]
        return min(found, key=lambda alarm: alarm.tier, default=None)


def _doubted(alarm: Alarm) -> Alarm:
    return Alarm(alarm.intent, "B", MISHEARD[alarm.intent], alarm.frame)


def _fits(frame: Frame, text: str) -> bool:
    return bool(frame.says.search(text)) and not (frame.unless and frame.unless.search(text))


def _frames(raw: Mapping[str, Any], scripts: Mapping[str, object]) -> Iterator[Frame]:
    words: dict[str, str] = {}
    for name, rows in raw.get("words", {}).items():
        words[name] = _either(rows, words, f"_frames.toml: words.{name}")
    for number, frame in enumerate(raw.get("frame", [])):
        where = f"_frames.toml: frame[{number}]"
        try:
            usual = CLEAR if frame["tier"] == "A" else QUESTION
            script = frame.get("script", usual[frame["intent"]])
            alarm = Alarm(frame["intent"], frame["tier"], script, frame["name"])
            says = re2.compile(rf"\b{_either(frame['says'], words, where)}")
            rows = frame.get("unless")
            unless = re2.compile(rf"\b{_either(rows, words, where)}") if rows else None
        except KeyError as error:
            raise PackInvalid(f"{where}: {error} is missing or unknown.") from error
        if script not in scripts:
            raise PackInvalid(f"{where}: script: _safety.toml has no {script!r}.")
        yield Frame(alarm, says, unless)


def _either(rows: Iterable[str], words: Mapping[str, str], where: str) -> str:
    """Rows as one regular expression over words that each end in a space."""
    try:
        written = "|".join(_row(row, words) for row in rows)
        re2.compile(written)
    except (KeyError, re2.error) as error:
        raise PackInvalid(f"{where}: can't be read: {error}") from error
    return f"(?:{written})"


_MARKS = {"...": GAP, "[": "(?:", "]": ")?", "(": "(?:", "|": "|", ")": ")"}


def _row(row: str, words: Mapping[str, str]) -> str:
    if unknown := re.search(r"[^a-z' <>_\[\]()|.]", row):
        raise KeyError(f"{unknown.group()} in {row!r}")
    tokens = re.findall(r"\.\.\.|<\w+>|[\[\]()|]|[a-z']+", row)
    return "".join(
        _MARKS.get(token) or (words[token[1:-1]] if token[0] == "<" else f"{token} ")
        for token in tokens
    )
