"""Whole nights, written as stories in `nights/*.txt` by people who need not program.

A story is plain text, one thing to a line; `#` begins a remark. It is played through the same
conversation, words and virtual clock as `lowtide chat`, three times with different chance, so name
what kind of line is said rather than which. Everything that is said has to be named: what the story
does not mention may not happen.

    What happens
      country IE                     where the person is (first line; without it, nowhere known)
      greeting                       the session begins with its greeting
      setup                          it begins with set-up instead
      journal 9 nights, 2 contacts, 3 waits from 8 to 5
                                     a journal was agreed to, and holds this (first lines)
      recording pull                 a recording of their own, to be played then; also strong, asked
      breath tones                   breathing is led by tones
      you: i texted him last night   the person says this
      wait 30                        half a minute passes; also "wait 3 min"

    What it was taken for (of the last thing the person said)
      meaning i_contacted_him        a name from intents/packs/en
      tier A                         A clear danger, B unclear danger, none

    What is heard, in this order, since the last "you" or "wait"
      says "any number is fine"      these words are in it; capitals do not matter
      says a reply of i_miss_him     from that intent's file
      says a choice of none          one of its questions that offer two things
      says a line of stay_check_in   from _lines.toml
      says script self_harm_first    from _safety.toml
      says the same again            word for word what was said before
      says … or …                    one of two things
      plays the recording            the person's own recording sounds
      records                        the sound of what is said next is kept at hand
      keeps the recording            that sound is written down
      keeps "a letter"               a letter with these words in it is written down; also:
      forgets                        what was kept of tonight is deleted
      a tone to breathe in           also: out
      says whatever                  all that is left here, for instance the cues of breathing
      within 20 says …               let time pass until something is said, at most 20 seconds
      at 20 says …                   the same, and it comes 20 seconds after both fell silent
      silence                        nothing is said
      stops                          the voice falls silent at once, without a word

    How the last thing was said
      words at most 30
      twice "one one two"            so often, neither more nor less; also once
      by 10 "one one two"            these words are over within 10 seconds
      softer than before             than what was said before it; also louder, slower, faster
      volume at most -6              decibels under the usual loudness
      pace at most 120               words a minute
      new words                      not said before in this night

    From here to the end of the night
      never says: should, must       these words, whole, wherever they stand
      no reframe                     nothing of the answers to questions, urges and feelings

A story whose first line is "# known fault: …" tells what should happen and does not yet. It has to
fail for as long as that line stands there.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, NoReturn, cast

import pytest

from lowtide.intents.acts import (
    Act,
    Cue,
    Forget,
    KeepLetter,
    KeepRecording,
    Note,
    Play,
    Record,
    Say,
    Set,
    Stop,
)
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Understanding
from lowtide.intents.history import History
from lowtide.intents.pack import ANSWERING, Pack, Reply, load
from lowtide.intents.person import Moment, Person
from lowtide.intents.understanding import Understander
from lowtide.voice.packs import understander as understander_of
from lowtide.voice.typed import TICK, converse

NIGHTS = Path(__file__).parent / "nights"
CHANCES = (1, 2, 3)
"""Seeds of the choice among variants."""
PUNCTUAL = 1.0
"""Seconds by which "at" may be missed: the clock is looked at every half second."""
FAULT = "# known fault: "


@dataclass(frozen=True)
class Sounded:
    """One act, and when it began."""

    at: float
    act: Act


class Overheard(Dialogue):
    """The real conversation, every act of it noted as it leaves."""

    def __init__(
        self,
        pack: Pack,
        *,
        seed: int,
        person: Person,
        history: History | None = None,
        setting_up: bool = False,
    ) -> None:
        super().__init__(
            pack,
            seed=seed,
            person=person,
            history=lambda: history,
            can_record=True,
            setting_up=setting_up,
        )
        self.sounded: list[Sounded] = []
        self.now = 0.0
        self.quiet_since = 0.0
        """When the answer to the last thing heard had ended."""
        self._answering = False

    def greet(self) -> tuple[Act, ...]:
        self._answering = True
        return self._noted(super().greet(), 0.0)

    def hear(self, heard: Understanding, now: float) -> tuple[Act, ...]:
        self._answering = True
        return self._noted(super().hear(heard, now), now)

    def tick(self, now: float) -> tuple[Act, ...]:
        return self._noted(super().tick(now), now)

    def said(self, now: float) -> tuple[Act, ...]:
        if self._answering:
            self.quiet_since, self._answering = now, False
        self.now = now
        return super().said(now)

    def _noted(self, acts: tuple[Act, ...], now: float) -> tuple[Act, ...]:
        self.now = now
        self.sounded += [Sounded(now, act) for act in acts if not isinstance(act, Note | Set)]
        return acts


class Night:
    """Plays one story; a line that does not come true fails with its number and a sentence."""

    def __init__(
        self, name: str, story: str, pack: Pack, understander: Understander, seed: int
    ) -> None:
        self._name = name
        self._pack = pack
        self._understander = understander
        self._seed = seed
        self._lines = list(_lines(story))
        self._number = 0
        self._greeted = self._setting_up = False
        self._person = Person()
        self._history: History | None = None
        self._set_the_scene()
        self._dialogue = Overheard(
            pack,
            seed=seed,
            person=self._person,
            history=self._history,
            setting_up=self._setting_up,
        )
        self._named = 0
        """How many acts the story has mentioned so far."""
        self._checked = 0
        """How many were held against what must not be said."""
        self._last: dict[str, Any] = {}
        self._forbidden: list[tuple[int, str, re.Pattern[str]]] = []

    def play(self) -> None:
        """Play the whole story."""
        if self._greeted or self._setting_up:
            self._dialogue.greet()
            self._dialogue.said(0.0)
        for entry in converse(self._story(), self._understander, self._dialogue):
            if entry["heard"] is not None:
                self._last = entry

    def _set_the_scene(self) -> None:
        while self._lines and (line := self._lines[0][1]).split()[0] in SCENE:
            self._lines.pop(0)
            what, _, chosen = line.partition(" ")
            if what == "greeting":
                self._greeted = True
            elif what == "setup":
                self._setting_up = True
            elif what == "journal":
                self._person = replace(self._person, journal=True)
                self._history = _history(chosen)
            elif what == "recording":
                self._person = replace(
                    self._person, recording=True, recording_when=cast("Moment", chosen)
                )
            else:
                self._person = self._person.changed(what, chosen)

    def _story(self) -> Iterator[str]:
        """What is typed into the conversation; each line is checked before the next happens."""
        for number, line in self._lines:
            self._check_forbidden()
            self._number = number
            yield from self._play(line)
        self._check_forbidden()
        self._all_named("after this")

    def _play(self, line: str) -> Iterator[str]:
        for pattern, happens in HAPPENINGS:
            if found := pattern.fullmatch(line):
                yield from happens(self, *found.groups())
                return
        for pattern, check in CHECKS:
            if found := pattern.fullmatch(line):
                check(self, *found.groups())
                return
        raise ValueError(f"{self._name}, line {self._number}: can't be read: {line}")

    # What happens

    def _you(self, words: str) -> Iterator[str]:
        self._all_named("before this")
        yield words

    def _wait(self, amount: str, unit: str | None) -> Iterator[str]:
        self._all_named("before this")
        yield f"@wait {_seconds(amount, unit)}"

    def _within(self, amount: str, unit: str | None, what: str) -> Iterator[str]:
        yield from self._until_said(self._dialogue.now + _seconds(amount, unit))
        self._says(what)

    def _at(self, amount: str, unit: str | None, what: str) -> Iterator[str]:
        self._all_named("before this")
        due = self._dialogue.quiet_since + _seconds(amount, unit)
        yield from self._until_said(due + PUNCTUAL)
        said = self._next()
        if said is not None and said.at < due - PUNCTUAL:
            self._broken(
                f"it spoke {due - said.at:.0f} seconds too early, and said {_shown(said)}."
            )
        self._says(what)

    def _until_said(self, end: float) -> Iterator[str]:
        while self._next() is None and self._dialogue.now < end:
            yield f"@wait {TICK}"

    # What is heard

    def _says(self, what: str) -> None:
        if what == "whatever":
            self._named = len(self._dialogue.sounded)
            return
        either = what.split(" or ")
        wanted = [self._wanted(each) for each in either]
        said = self._next()
        if said is None:
            self._broken(f"it said nothing, and should have said {what}.")
        text = said.act.text if isinstance(said.act, Say) else None
        if text is None or not any(each(text) for each in wanted):
            self._broken(f"it should have said {what}, and said {_shown(said)}.")
        self._named += 1

    def _wanted(self, what: str) -> Callable[[str], bool]:
        if what == "the same again":
            before = self._say().text
            return lambda text: text == before
        if quoted := re.fullmatch(r'"(.+)"', what):
            fragment = quoted[1].lower()
            return lambda text: fragment in text.lower()
        kind, _, name = what.rpartition(" ")
        try:
            texts = self._texts(kind, name)
        except KeyError as error:
            where = f"{self._name}, line {self._number}"
            raise ValueError(f"{where}: there is no such thing to say: {what}") from error
        return lambda text: any(_written(each).fullmatch(text) for each in texts)

    def _texts(self, kind: str, name: str) -> list[str]:
        if kind == "a reply of":
            return [reply.text for reply in self._pack.intents[name].replies]
        if kind == "a choice of":
            return [reply.text for reply in self._pack.intents[name].choices]
        if kind == "a line of":
            return list(self._pack.lines[name])
        if kind == "script":
            return [" ".join(self._pack.scripts[name])]
        raise KeyError(kind)

    def _does(self, act: str, words: str = "") -> None:
        said = self._next()
        done = said.act if said is not None else None
        kept = not isinstance(done, KeepLetter) or words in done.text
        if not isinstance(done, DEEDS[act]) or not kept:
            self._broken(f"it should have done this: {act} {words}; it did: {_shown(said)}.")
        self._named += 1

    def _tone(self, breath: str) -> None:
        said = self._next()
        if said is None or not isinstance(said.act, Cue) or said.act.breath != breath:
            self._broken(f"there should have been a tone to breathe {breath}: {_shown(said)}.")
        self._named += 1

    def _silence(self) -> None:
        if (said := self._next()) is not None:
            self._broken(f"it should have been silent, and said {_shown(said)}.")

    def _stops(self) -> None:
        said = self._next()
        if said is None or said.act != Stop():
            self._broken(f"it should have stopped at once, and did not: {_shown(said)}.")
        self._named += 1
        self._silence()

    # What it was taken for

    def _meaning(self, intent: str) -> None:
        if self._last.get("intent") != intent:
            self._broken(f"it was taken for {self._last.get('intent')}, and is {intent}.")

    def _tier(self, tier: str) -> None:
        if self._last.get("tier") != (None if tier == "none" else tier):
            self._broken(f"the tier was {self._last.get('tier') or 'none'}, and should be {tier}.")

    # How the last thing was said

    def _words(self, most: str) -> None:
        count = len(self._say().text.split())
        if count > int(most):
            self._broken(f"it said {count} words: “{self._say().text}”")

    def _times(self, times: str, fragment: str) -> None:
        count = self._say().text.lower().count(fragment.lower())
        if count != {"once": 1, "twice": 2}[times]:
            self._broken(f"it said “{fragment}” {count} times: “{self._say().text}”")

    def _by(self, seconds: str, fragment: str) -> None:
        passed = 0.0
        for part in self._say().parts:
            before, found, _ = part.text.lower().partition(fragment.lower())
            spoken = before + found
            passed += part.pause + len(spoken.split()) * 60 / self._say().words_per_minute
            if found:
                break
        else:
            self._broken(f"it never said “{fragment}”: “{self._say().text}”")
        if passed > float(seconds):
            self._broken(f"“{fragment}” was over only after {passed:.1f} seconds.")

    def _compared(self, how: str) -> None:
        last, before = self._say(), self._say(1)
        rate, gain = last.words_per_minute - before.words_per_minute, last.gain - before.gain
        if {"softer": -gain, "louder": gain, "slower": -rate, "faster": rate}[how] <= 0:
            self._broken(
                f"it was not {how} than before: {last.gain} dB after {before.gain} dB, "
                f"{last.words_per_minute} words a minute after {before.words_per_minute}."
            )

    def _at_most(self, what: str, most: str) -> None:
        say = self._say()
        measured = say.gain if what == "volume" else say.words_per_minute
        if measured > float(most):
            self._broken(f"the {what} was {measured}: “{say.text}”")

    def _new_words(self) -> None:
        said = [each.act.text for each in self._dialogue.sounded if isinstance(each.act, Say)]
        if said.count(self._say().text) > 1:
            self._broken(f"it had said this before: “{self._say().text}”")

    # From here to the end

    def _never(self, words: str) -> None:
        for each in words.split(","):
            pattern = re.compile(rf"\b{re.escape(each.strip())}\b", re.IGNORECASE)
            self._forbidden.append((self._number, f"“{each.strip()}”", pattern))

    def _no_reframe(self) -> None:
        self._forbidden.append((self._number, "a reframe", _reframes(self._pack)))

    def _check_forbidden(self) -> None:
        for sounded in self._dialogue.sounded[self._checked :]:
            for since, what, pattern in self._forbidden:
                if isinstance(sounded.act, Say) and pattern.search(sounded.act.text):
                    self._broken(f"since line {since} never {what}, but it said {_shown(sounded)}.")
        self._checked = len(self._dialogue.sounded)

    # What the story is held against

    def _next(self) -> Sounded | None:
        """What was done next and the story has not mentioned yet."""
        left = self._dialogue.sounded[self._named :]
        return left[0] if left else None

    def _say(self, back: int = 0) -> Say:
        said = [each.act for each in self._dialogue.sounded[: self._named]]
        spoken = [act for act in said if isinstance(act, Say)]
        if len(spoken) <= back:
            self._broken("nothing was said yet that this could be about.")
        return spoken[-1 - back]

    def _all_named(self, when: str) -> None:
        if (said := self._next()) is not None:
            self._broken(f"{when} it said {_shown(said)}, and the story does not say so.")

    def _broken(self, sentence: str) -> NoReturn:
        where = f"{self._name}, line {self._number}"
        pytest.fail(f"{where}: {sentence} (Chance {self._seed}.)", pytrace=False)


AMOUNT = r"(\d+(?:\.\d+)?)(?: (s|seconds|min|minutes))?"

HAPPENINGS: Final[tuple[tuple[re.Pattern[str], Callable[..., Iterator[str]]], ...]] = (
    (re.compile(r"you: (.+)"), Night._you),
    (re.compile(rf"wait {AMOUNT}"), Night._wait),
    (re.compile(rf"within {AMOUNT} says (.+)"), Night._within),
    (re.compile(rf"at {AMOUNT} says (.+)"), Night._at),
)
SCENE = (
    "country",
    "greeting",
    "setup",
    "journal",
    "recording",
    "breath",
    "own_name",
    "ex_name",
    "plan",
)
DEEDS: Final[dict[str, type]] = {
    "plays the recording": Play,
    "records": Record,
    "keeps the recording": KeepRecording,
    "keeps": KeepLetter,
    "forgets": Forget,
}
CHECKS: Final[tuple[tuple[re.Pattern[str], Callable[..., None]], ...]] = (
    (re.compile(r"meaning (\w+)"), Night._meaning),
    (re.compile(r"tier (A|B|none)"), Night._tier),
    (re.compile(r"says (.+)"), Night._says),
    (re.compile(r"(plays the recording|records|keeps the recording|forgets)"), Night._does),
    (re.compile(r'(keeps) "(.+)"'), Night._does),
    (re.compile(r"a tone to breathe (in|out)"), Night._tone),
    (re.compile(r"silence"), Night._silence),
    (re.compile(r"stops"), Night._stops),
    (re.compile(r"words at most (\d+)"), Night._words),
    (re.compile(r'(once|twice) "(.+)"'), Night._times),
    (re.compile(r'by (\d+) "(.+)"'), Night._by),
    (re.compile(r"(softer|louder|slower|faster) than before"), Night._compared),
    (re.compile(r"(volume|pace) at most (-?\d+)"), Night._at_most),
    (re.compile(r"new words"), Night._new_words),
    (re.compile(r"never says: (.+)"), Night._never),
    (re.compile(r"no reframe"), Night._no_reframe),
)


def _lines(story: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(story.splitlines(), 1):
        if line.strip() and not line.startswith("#"):
            yield number, line.strip()


def _seconds(amount: str, unit: str | None) -> float:
    return float(amount) * (60 if unit and unit.startswith("min") else 1)


def _shown(sounded: Sounded | None) -> str:
    if sounded is None:
        return "nothing"
    act = sounded.act
    did = "stopped" if isinstance(act, Stop) else type(act).__name__
    said = f"“{act.text}”" if isinstance(act, Say) else f"nothing, but {did}"
    return f"{said} at {sounded.at:.1f} s"


def _history(written: str) -> History:
    """A journal's history as a story tells it: "9 nights, 2 contacts, 3 waits from 8 to 5"."""
    counts = {
        what: int(count) for count, what in re.findall(r"(\d+) (night|contact|wait)", written)
    }
    rated = re.search(r"from (\d+) to (\d+)", written)
    return History(
        nights=counts.get("night", 0),
        ridden_out=counts.get("wait", 0),
        median_before=float(rated[1]) if rated else None,
        median_after=float(rated[2]) if rated else None,
        slips=counts.get("contact", 0),
        nights_since_slip=3 if counts.get("contact") else None,
    )


@cache
def _written(text: str) -> re.Pattern[str]:
    """A text of the packs as it may be spoken: every slot filled."""
    between = (re.escape(each) for each in re.split(r"\{\w+\}", text))
    return re.compile(".+".join(between), re.IGNORECASE)


def _reframes(pack: Pack) -> re.Pattern[str]:
    """The ideas and the actions of every answer."""
    answers: Iterable[Reply] = (
        reply
        for intent in pack.intents.values()
        if intent.group in ANSWERING
        for reply in intent.replies
    )
    texts = (text for reply in answers for text in (reply.idea, reply.action))
    return re.compile("|".join(_written(text).pattern for text in texts), re.IGNORECASE)


def _fault(path: Path) -> str | None:
    first = path.read_text("utf-8").partition("\n")[0]
    return first.removeprefix(FAULT) if first.startswith(FAULT) else None


def _nights() -> Iterator[Any]:
    for path in sorted(NIGHTS.glob("*.txt")):
        fault = _fault(path)
        expected = pytest.mark.xfail(
            reason=fault or "", strict=True, raises=pytest.fail.Exception
        )  # A story that can't be read is not the fault it names.
        yield pytest.param(path, id=path.stem, marks=[expected] if fault else [])


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load()


@pytest.fixture(scope="module")
def understander(pack: Pack) -> Understander:
    return understander_of(pack)


@pytest.mark.parametrize("path", list(_nights()))
def test_the_night_goes_as_told(path: Path, pack: Pack, understander: Understander) -> None:
    for seed in CHANCES:
        Night(path.name, path.read_text("utf-8"), pack, understander, seed).play()


@pytest.mark.parametrize(
    ("story", "sentence"),
    [
        ('you: no\nsays "xylophone"', r'line 2: it should have said "xylophone", and said “'),
        ("you: does he miss me\nyou: stop", "line 2: before this it said “"),
        ("you: does he miss me", "line 1: after this it said “"),
        ("you: stop\nsays a reply of no", "should have said a reply of no, and said nothing"),
        ("you: stop\nstops\nwait 9\nsays a line of still_here", "line 4: it said nothing, and"),
        ("no reframe\nyou: does he miss me\nsays whatever", "since line 1 never a reframe, but"),
        ("you: no\nmeaning yes\nsays whatever", "line 2: it was taken for no, and is yes"),
        ("you: no\nsays whatever\nat 20 says a line of still_here", "seconds too early"),
    ],
)
def test_a_story_that_does_not_come_true_fails_in_plain_words(
    story: str, sentence: str, pack: Pack, understander: Understander
) -> None:
    with pytest.raises(pytest.fail.Exception, match=sentence):
        Night("a night", story, pack, understander, seed=1).play()


def test_a_line_that_cannot_be_read_is_named(pack: Pack, understander: Understander) -> None:
    with pytest.raises(ValueError, match="a night, line 2: can't be read: it sings"):
        Night("a night", "you: stop\nit sings", pack, understander, seed=1).play()
