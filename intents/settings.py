"""Phrases that change a setting, and the answers of set-up: read from `_settings.toml`.

A phrase fits as a whole or not at all, so that a sentence about somebody's life is never taken for
a wish about this program.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import re2

from lowtide.intents.events import Change
from lowtide.intents.pack import Pack, PackInvalid
from lowtide.intents.person import PATIENCES, Person
from lowtide.intents.text import opened

MOST_NAME_WORDS, MOST_COUNTRY_WORDS = 2, 4
MOST_PLAN_WORDS = 8
"""After "I will": said back before the longest answer to an urge it makes 45 words, and no more."""
_SLOTS = {"name": MOST_NAME_WORDS, "country": MOST_COUNTRY_WORDS, "plan": MOST_PLAN_WORDS + 2}
EX_WORDS = ("him", "her", "them")
MOMENTS = {
    "asked": "recording_when_asked",
    "pull": "recording_at_pull",
    "strong": "recording_at_strong",
}
"""When a recording is played, and the line that answers it."""
ANSWERS = ("skip", "yes", *EX_WORDS, *PATIENCES, *MOMENTS)
_MARKS = {"[": "(?:", "]": ")?", "(": "(?:", ")": ")", "|": "|"}


@dataclass(frozen=True)
class _Phrase:
    fits: Any
    """A compiled expression over words that each end in a space."""
    change: Change


class SettingPhrases:
    """Finds in words what somebody wants to set.

    Raises:
        PackInvalid: `_settings.toml` can't be read.
    """

    def __init__(self, pack: Pack) -> None:
        raw = pack.settings
        try:
            self._phrases = [
                _Phrase(_compiled(template), _change(line, table))
                for line, table in raw.items()
                if "phrases" in table
                for template in table["phrases"]
            ]
            self._answers = {
                name: [_compiled(each) for each in raw["answers"][name]] for name in ANSWERS
            }
            self._before = {
                name: [_compiled(each, "(.+)") for each in raw["before"][name]] for name in _SLOTS
            }
            self._no_name = frozenset(raw["no_name"]["words"])
            self._countries = {
                heard: (str(row["code"]), str(row["name"]))
                for row in raw["country"]
                for heard in row["heard"]
            }
        except (KeyError, TypeError, re2.error) as error:
            raise PackInvalid(f"{pack.folder / '_settings.toml'}: {error}") from error
        self._names = pack.names
        self._kept_as = pack.lines["plan_kept_as"][0]

    def change(self, text: str) -> Change | None:
        """What these words, as a whole, want to set; None when they are about something else."""
        words = f"{opened(text)} "
        for phrase in self._phrases:
            if found := phrase.fits.fullmatch(words):
                slots = {slot: said for slot, said in found.groupdict().items() if said}
                return self._filled(phrase.change, slots) if slots else phrase.change
        return None

    def answers(self, name: str, text: str) -> bool:
        """Whether these words are, as a whole, one of the answers of that name."""
        return any(each.fullmatch(f"{opened(text)} ") for each in self._answers[name])

    def name(self, key: str, text: str) -> Change | None:
        """A name in an answer; one that is not a usual first name is to be asked about."""
        # Letters that no recogniser writes can only have been typed, and so are meant.
        said = self._after("name", text) if text.isascii() else text
        return self._named(Change(key, None, f"set_{key}"), said)

    def ex(self, text: str) -> Change | None:
        """A word or a name for the ex in an answer."""
        word = self._one_of(EX_WORDS, text)
        return (
            Change("ex_word", word, f"set_ex_word_{word}") if word else self.name("ex_name", text)
        )

    def own_name(self, text: str) -> Change | None:
        """The person's own name in an answer."""
        return self.name("own_name", text)

    def country(self, text: str) -> Change | None:
        """A country in an answer, always to be read back."""
        said = self._after("country", text)
        return self._in_country(Change("country", None, "set_country"), said)

    def patience(self, text: str) -> Change | None:
        """A patience preset in an answer."""
        preset = self._one_of(PATIENCES, text)
        line = "until_done" if preset == "until_done" else "patience_kept"
        return Change("patience", preset, line) if preset else None

    def moment(self, text: str) -> Change | None:
        """When a recording is to be played, in an answer."""
        moment = self._one_of(MOMENTS, text)
        return Change("recording_when", moment, MOMENTS[moment]) if moment else None

    def plan(self, text: str) -> Change | None:
        """A plan in an answer, always to be read back."""
        return self._planned(Change("plan", None, "set_plan"), text)

    def agreed(self, text: str) -> Change | None:
        """Consent to the journal: a plain yes."""
        return (
            Change("journal", value=True, line="journal_on") if self.answers("yes", text) else None
        )

    def _filled(self, change: Change, slots: Mapping[str, str]) -> Change | None:
        [(slot, said)] = slots.items()
        fill = {"name": self._named, "country": self._in_country, "plan": self._planned}
        return fill[slot](change, said.strip())

    def _named(self, change: Change, said: str) -> Change | None:
        words = said.split()
        usual = bool(words) and all(word in self._names for word in words)
        possible = len(words) == 1 and words[0] not in self._no_name and len(words[0]) > 1
        if not (usual and len(words) <= MOST_NAME_WORDS) and not possible:
            return None
        name = said.title()
        return replace(change, value=name, said=name, ask=change.ask or not usual)

    def _in_country(self, change: Change, said: str) -> Change | None:
        for heard in sorted(self._countries, key=len, reverse=True):
            long_enough = len(heard) > 3 and f" {heard} " in f" {said} "
            if said == heard or long_enough:
                code, name = self._countries[heard]
                return replace(change, value=code, said=name, ask=True)
        return None

    def _planned(self, change: Change, said: str) -> Change | None:
        deed = re.sub(r"\bi\b", "I", self._after("plan", said))
        if not 0 < len(deed.split()) <= MOST_PLAN_WORDS:
            return None
        plan = self._kept_as.format(deed=deed)
        return replace(change, value=plan, said=plan, ask=True)

    def _after(self, slot: str, text: str) -> str:
        """What follows the words that lead up to a name, a country or a plan."""
        words = opened(text)
        for lead in self._before[slot]:
            if found := lead.fullmatch(f"{words} "):
                return str(found.group(1)).strip()
        return words

    def _one_of(self, names: Iterable[str], text: str) -> str | None:
        return next((name for name in names if self.answers(name, text)), None)


def surest(changes: Iterable[Change | None]) -> Change | None:
    """Of what several readings want to set the first that needs no asking, else the first."""
    found = [change for change in changes if change is not None]
    return next((change for change in found if not change.ask), found[0] if found else None)


def _change(line: str, table: Mapping[str, Any]) -> Change:
    key, value = table.get("key", ""), table.get("value")
    if key and key not in Person.__dataclass_fields__:
        raise KeyError(f"{line}: there is no setting {key!r}")
    return Change(key, value, line, ask=bool(table.get("ask", False)))


def _compiled(template: str, then: str = "") -> Any:  # noqa: ANN401 - an untyped library
    """A template as an expression over words that each end in a space."""
    tokens = re.findall(r"\{\w+\}|[\[\]()|]|[a-z']+", template)
    return re2.compile("".join(map(_token, tokens)) + then)


def _token(token: str) -> str:
    if token[0] == "{":
        slot = token[1:-1]
        return rf"(?P<{slot}>(?:\S+ ){{1,{_SLOTS[slot]}}})"
    return _MARKS.get(token) or "".join(f"{word} " for word in opened(token).split())
