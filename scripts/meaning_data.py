"""What the meaning model is taught with: our own phrases, in the mouths of many imagined people."""

import json
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lowtide.intents.pack import ENGLISH, Pack, expand, load

TRAINING = Path(__file__).parent.parent / "models" / "training" / "en"
SAFETY = ("crisis_self_harm", "unsafe_with_him", "crisis_harm_others")
NONE = "none"


@dataclass(frozen=True)
class Example:
    """One thing said."""

    text: str
    intent: str
    tier: str | None = None
    """Of a line about danger: "A" clear, "B" unclear."""


@dataclass(frozen=True)
class Ex:
    """How somebody names the ex."""

    he: str
    him: str
    his: str


def _named(name: str) -> Ex:
    return Ex(name, name, f"{name}'s")


HE, SHE, THEY = Ex("he", "him", "his"), Ex("she", "her", "her"), Ex("they", "them", "their")
KINDS = "ex boyfriend girlfriend husband wife partner fiance".split()  # noqa: SIM905
_THEY_DO = (
    (r"\bthey doesn't\b", "they don't"),
    (r"\bthey does\b", "they do"),
    (r"\bdoes they\b", "do they"),
    (r"\bthey isn't\b", "they aren't"),
    (r"\bthey (is|was|has)\b", lambda found: f"they {_PLURAL[found[1]]}"),
    (r"\b(is|was|has) they\b", lambda found: f"{_PLURAL[found[1]]} they"),
    (r"\bthey hasn't\b", "they haven't"),
    (r"\bthey wasn't\b", "they weren't"),
)
_PLURAL = {"is": "are", "was": "were", "has": "have"}


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


class Speech:
    """Draws things people say; the same seed gives the same words."""

    def __init__(self, seed: int = 0, pack: Pack | None = None) -> None:
        self.pack = pack or load(ENGLISH)
        self.draw = random.Random(seed)  # noqa: S311 - variety, not secrecy
        self._names = sorted(self.pack.names)
        self.intents = sorted(self.pack.intents)

    def phrases(self, times: int = 1) -> Iterator[Example]:
        """Every template, said by this many people."""
        for intent in self.pack.intents.values():
            for template in intent.templates:
                for _ in range(times):
                    yield Example(self.say(template), intent.id)

    def say(self, template: str) -> str:
        """One phrase of a template with somebody's word for the ex."""
        return spoken(template, an_ex(self.draw, self._names), self.draw)


def unrelated() -> Iterator[Example]:
    """What means nothing to us."""
    for path in sorted((TRAINING / "none").glob("*.txt")):
        yield from (Example(line, NONE) for line in path.read_text("utf-8").splitlines() if line)


def safety() -> Iterator[Example]:
    """Danger, and what only sounds like it."""
    for row in rows(TRAINING / "safety.jsonl"):
        yield Example(str(row["text"]), str(row["intent"]), row["tier"])  # type: ignore[arg-type]


def rows(path: Path) -> Iterable[dict[str, object]]:
    """A JSONL file's rows."""
    return (json.loads(line) for line in path.read_text("utf-8").splitlines() if line)
