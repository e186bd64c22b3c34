"""What the meaning model is taught with: our own phrases, in the mouths of many imagined people."""

import json
import random
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from lowtide.intents.pack import ANSWERING, ENGLISH, Pack, expand, load

MODELS = Path(__file__).parent.parent / "models"
TRAINING = MODELS / "training" / "en"
HEARD = TRAINING / "heard.jsonl"
DICTIONARY = MODELS / "sphinx" / "en.dict"
SAFETY = ("crisis_self_harm", "unsafe_with_him", "crisis_harm_others")
NONE = "none"
UNDECIDED = "undecided"
"""Of what is harmless, whatever else it may mean: only the reading of danger learns from it."""


@dataclass(frozen=True)
class Example:
    """One thing said."""

    text: str
    intent: str
    tier: str | None = None
    """Of a line about danger: "A" clear, "B" unclear."""
    file: str = ""
    """Its file's name without an ending; empty where it is made of something."""


@dataclass(frozen=True)
class Ex:
    """How somebody names the ex."""

    he: str
    him: str
    his: str


def _named(name: str) -> Ex:
    return Ex(name, name, f"{name}'s")


HE, SHE, THEY = Ex("he", "him", "his"), Ex("she", "her", "her"), Ex("they", "them", "their")
KINDS = ("ex", "boyfriend", "girlfriend", "husband", "wife", "partner", "fiance")
SHARE_OF_OTHERS = 0.2
"""Of the templates with a slot for the ex, told of somebody else each night."""
SHARE_OF_YOU = 0.25
"""Of the templates that begin with the person, told to somebody else each night."""
_YOU = {
    "i": "you", "i'm": "you're", "i've": "you've", "i'd": "you'd", "i'll": "you'll", "me": "you",
    "my": "your", "myself": "yourself", "am": "are", "mine": "yours", "was": "were",
}  # fmt: skip
SHARE_QUOTED = 0.06
"""Of the templates, told as somebody else's words each night."""
SHARE_MISHEARD = 0.12
"""Of the examples, a word or two of them replaced by what sounds near, as recognisers do."""
HEARD_TIMES = 3
"""How often each line is shown as the recogniser really heard it: there are few of them."""
RAMBLES, SHARE_THAT_MATTERS = 4000, 0.4
LONGEST_RAMBLE = 48
"""Words; a stretch that is read at once is not longer."""
OFTEN = 4
"""Times a word has to stand in our texts to be heard in another's place."""
_PLURAL: dict[str, str] = {"is": "are", "was": "were", "has": "have"}
_THEY_DO: tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...] = (
    (r"\bthey doesn't\b", "they don't"),
    (r"\bthey does\b", "they do"),
    (r"\bdoes they\b", "do they"),
    (r"\bthey isn't\b", "they aren't"),
    (r"\bthey (is|was|has)\b", lambda found: f"they {_PLURAL[found[1]]}"),
    (r"\b(is|was|has) they\b", lambda found: f"{_PLURAL[found[1]]} they"),
    (r"\bthey hasn't\b", "they haven't"),
    (r"\bthey wasn't\b", "they weren't"),
)


def spoken(template: str, ex: Ex, draw: random.Random) -> str:
    """One phrase of a template, as somebody with this ex would say it."""
    for slot in ("he", "him", "his"):
        template = template.replace("{" + slot + "}", getattr(ex, slot))
    text = draw.choice(_phrases(template))
    for wrong, right in _THEY_DO:
        text = re.sub(wrong, right, text)
    return text


@cache
def _phrases(template: str) -> tuple[str, ...]:
    return expand(template)


def an_ex(draw: random.Random, names: Sequence[str]) -> Ex:
    """He and she mostly, then a name, "my ex" and they."""
    kind = draw.random()
    if kind < 0.35:
        return HE
    if kind < 0.6:
        return SHE
    if kind < 0.68:
        return THEY
    if kind < 0.84:
        return _named(draw.choice(names))
    if kind < 0.94:
        return _named("my ex")
    return _named(f"my {draw.choice(KINDS)}")


class Sounds:
    """Knows which words sound alike: pronunciations that differ in one phone.

    Args:
        texts: From which words are drawn.
        never: Words neither misheard nor heard in another's place: one of them changes everything.
    """

    def __init__(self, texts: Iterable[str], never: frozenset[str]) -> None:
        counts = Counter(word for text in texts for word in text.split())
        self._phones: dict[str, tuple[str, ...]] = {}
        self._near: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for line in DICTIONARY.read_text("utf-8").splitlines():
            word, *phones = line.split()
            if counts[word] >= OFTEN and word not in never:
                self._phones[word] = tuple(phones)
                for hole in _with_a_hole(phones):
                    self._near[hole].append(word)

    def misheard(self, words: list[str], draw: random.Random) -> list[str]:
        """The words, one or two of them replaced where something sounds near."""
        places = [place for place, word in enumerate(words) if word in self._phones]
        changed = list(words)
        for place in draw.sample(places, min(len(places), draw.choice((1, 1, 2)))):
            holes = list(_with_a_hole(self._phones[words[place]]))
            near = [each for hole in holes for each in self._near[hole] if each != words[place]]
            changed[place] = draw.choice(near) if near else words[place]
        return changed


def _with_a_hole(phones: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The phones with each one left open in turn, and with one more between any two."""
    for place in range(len(phones)):
        yield (*phones[:place], "?", *phones[place + 1 :])
    for place in range(len(phones) + 1):
        yield (*phones[:place], "?", *phones[place:])


class Speech:
    """Draws things people say; the same seed gives the same words."""

    def __init__(self, seed: int = 0, pack: Pack | None = None) -> None:
        self.pack = pack or load(ENGLISH)
        self.draw = random.Random(seed)  # noqa: S311 - variety, not secrecy
        self._names = sorted(self.pack.names)
        self._clauses: list[str] = []
        surroundings = (TRAINING / "surroundings.toml").read_text("utf-8")
        self._around: dict[str, list[str]] = tomllib.loads(surroundings)
        self.intents = sorted(self.pack.intents)
        texts = [each.text for each in (*written(), *unrelated(), *safety())]
        self._sounds = Sounds(texts, frozenset(self._around["never_misheard"]))

    def phrases(self, times: int = 1) -> Iterator[Example]:
        """Every template, said by this many people."""
        for intent in self.pack.intents.values():
            for template in intent.templates:
                for _ in range(times):
                    yield Example(self.say(template), intent.id)

    def night(self, share: float = 1.0, whole: Collection[str] = ()) -> list[Example]:
        """Everything once, each said a little differently from any other night.

        Args:
            share: Of the lines that are said this night.
            whole: Names of files of which all are.
        """
        known = (*self.phrases(), *written(), *unrelated(), *safety())
        told = [each for each in known if each.file in whole or self.draw.random() < share]
        self._clauses = self._clauses or [each.text for each in told if each.intent == NONE]
        foreign = (*self.of_others(), *self.of_you(), *self.quoted(), *self.errands())
        said = [replace(each, text=self.told(each)) for each in (*told, *foreign)]
        return [*said, *self.rambles(told), *list(heard()) * HEARD_TIMES]

    def rambles(self, told: Sequence[Example]) -> Iterator[Example]:
        """Everyday talk without an end, and sometimes with one sentence in it that matters.

        What is meant stands at the end, danger anywhere: as the program reads them.
        """
        for _ in range(RAMBLES):
            parts = [self.draw.choice(self._clauses) for _ in range(self.draw.choice((2, 3, 4, 5)))]
            matters = Example("", NONE)
            if self.draw.random() < SHARE_THAT_MATTERS:
                matters = self.draw.choice(told)
                last = len(parts) - 1
                place = last if matters.tier is None else self.draw.randint(0, last)
                parts[place] = matters.text
            joined = (part if not n else f"{self._joint()} {part}" for n, part in enumerate(parts))
            words = " ".join(" ".join(joined).split()).split()
            if len(words) <= LONGEST_RAMBLE:
                yield replace(matters, text=" ".join(words))

    def _joint(self) -> str:
        return self.draw.choice(("and", "and then", "so", "but", "then", "and", "because", ""))

    def of_others(self) -> Iterator[Example]:
        """Our phrases about somebody who is not the ex: "does my boss miss me" is no intent."""
        for intent in self.pack.intents.values():
            for template in intent.templates if intent.group in ANSWERING else ():
                if "{h" in template and self.draw.random() < SHARE_OF_OTHERS:
                    somebody = _named(self.draw.choice(self._around["others"]))
                    yield Example(spoken(template, somebody, self.draw), NONE)

    def of_you(self) -> Iterator[Example]:
        """Our phrases as advice: "you miss him" is something people say to the person."""
        for intent in self.pack.intents.values():
            for template in intent.templates if intent.group in ANSWERING else ():
                words = self.say(template).split()
                if words[0] in _YOU and "you" not in words and self.draw.random() < SHARE_OF_YOU:
                    yield Example(" ".join(_YOU.get(word, word) for word in words), NONE)

    def quoted(self) -> Iterator[Example]:
        """Our phrases as somebody else's words, or as long ago."""
        for intent in self.pack.intents.values():
            for template in intent.templates if intent.group in ANSWERING else ():
                if self.draw.random() < SHARE_QUOTED:
                    yield Example(
                        f"{self.draw.choice(self._around['quoting'])} {self.say(template)}", NONE
                    )

    def errands(self) -> Iterator[Example]:
        """Orders to an assistant that name somebody."""
        for errand in self._around["errands"] * 5:
            ex = an_ex(self.draw, self._names) if self.draw.random() < 0.2 else None
            name = ex.him if ex else self.draw.choice(self._names)
            yield Example(errand.format(name=name), NONE)

    def told(self, example: Example) -> str:
        """An example with what people put around it, and with what recognisers do to it."""
        text, draw = example.text, self.draw
        if example.intent in ("yes", "no"):
            return text
        around = draw.random()
        if around < 0.10:
            joined = draw.choice(("and", "but", "so", "and then", "anyway", ""))
            text = f"{draw.choice(self._clauses)} {joined} {text}"
        elif around < 0.13:
            text = (
                f"{text} {draw.choice(('and', 'but', 'because', ''))} {draw.choice(self._clauses)}"
            )
        elif around < 0.24:
            text = f"{draw.choice(self._around['before'])} {text}"
        elif around < 0.30:
            text = f"{text} {draw.choice(self._around['after'])}"
        return self._garbled(text.split())

    def _garbled(self, words: list[str]) -> str:
        chance = self.draw.random()
        if chance < 0.07 and len(words) > 4:
            words.pop(self.draw.randrange(len(words)))
        elif chance < 0.10 and len(words) > 3:
            again = self.draw.randrange(len(words))
            words.insert(again, words[again])
        elif chance < 0.14 and len(words) > 3:
            words = words[: self.draw.randrange(1, 3)] + words
        elif chance < 0.14 + SHARE_MISHEARD:
            words = self._sounds.misheard(words, self.draw)
        return " ".join(words)

    def say(self, template: str) -> str:
        """One phrase of a template with somebody's word for the ex."""
        return spoken(template, an_ex(self.draw, self._names), self.draw)


def written() -> Iterator[Example]:
    """What people might say, written out beside the packs."""
    for path in sorted(TRAINING.glob("phrases*.jsonl")):
        for row in rows(path):
            yield Example(str(row["text"]), str(row["label"]), file=path.stem)


def unrelated() -> Iterator[Example]:
    """What means nothing to us."""
    for path in sorted((TRAINING / "none").glob("*.txt")):
        lines = path.read_text("utf-8").splitlines()
        yield from (Example(line, NONE, file=path.stem) for line in lines if line)


def safety() -> Iterator[Example]:
    """Danger, and what only sounds like it."""
    for path in sorted(TRAINING.glob("safety*.jsonl")):
        for row in rows(path):
            intent = row["intent"] or UNDECIDED
            tier = None if row["tier"] is None else str(row["tier"])
            yield Example(str(row["text"]), str(intent), tier, path.stem)


def heard() -> Iterator[Example]:
    """Our lines as the recogniser heard them; `scripts/mishear` writes them."""
    for row in rows(HEARD):
        yield Example(str(row["text"]), str(row["intent"]), row["tier"])  # type: ignore[arg-type]


def rows(path: Path) -> Iterable[dict[str, object]]:
    """A JSONL file's rows."""
    return (json.loads(line) for line in path.read_text("utf-8").splitlines() if line)
