"""Which sentences the test model learns: the packs' phrases, and everyday ones of other things."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from lowtide.intents.pack import Pack
from tiny_vosk.phones import known_words

EVERYDAY = ("everyday.txt", "assistant_requests.txt", "other_feelings.txt")
"""Of `models/training/en/none`."""
TYPICAL, OTHERS = 4, 7
"""Phrases of each intent: of its first templates, and from anywhere."""
EVERYDAY_LINES = 170
HELD_OUT = 40
LONGEST = 11
"""Words in a sentence."""
Fits = Callable[[str], bool]
_SHE = {"he": "she", "him": "her", "his": "her", "himself": "herself"}


def chosen(pack: Pack, folder: Path) -> tuple[list[str], list[str]]:
    """Sentences to learn, and others of the same words that are kept apart.

    Args:
        pack: Whose phrases are learned.
        folder: With the `EVERYDAY` files.
    """
    known = known_words()

    def fits(sentence: str) -> bool:
        words = sentence.split()
        return 0 < len(words) <= LONGEST and all(word in known for word in words)

    learned, left = _of_pack(pack, fits)
    lines = (line for name in EVERYDAY for line in (folder / name).read_text("utf-8").splitlines())
    learned += _shuffled(filter(fits, lines))[:EVERYDAY_LINES]
    words = {word for sentence in learned for word in sentence.split()}
    apart = [each for each in _shuffled(left) if words.issuperset(each.split()) and " " in each]
    return list(dict.fromkeys(learned)), [each for each in apart if each not in learned][:HELD_OUT]


def _of_pack(pack: Pack, fits: Fits) -> tuple[list[str], list[str]]:
    by_intent: dict[str, list[str]] = defaultdict(list)
    for intent, phrase in pack.phrases():
        if fits(phrase):
            by_intent[intent].append(phrase)
    learned: list[str] = []
    left: list[str] = []
    for phrases in by_intent.values():
        shuffled = _shuffled(phrases)
        learned += [*phrases[:TYPICAL], *_some_as_she(shuffled[:OTHERS])]
        left += shuffled[OTHERS : OTHERS + 10]
    return learned, left


def _some_as_she(phrases: Iterable[str]) -> Iterator[str]:
    for number, phrase in enumerate(phrases):
        table = _SHE if number % 2 else {}
        yield " ".join(table.get(word, word) for word in phrase.split())


def _shuffled(sentences: Iterable[str]) -> list[str]:
    """In an order that is always the same and means nothing."""
    return sorted(sentences, key=lambda each: hashlib.sha256(each.encode()).digest())
