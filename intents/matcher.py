"""Ranks intents for an utterance by how near it comes to known phrases.

Two views of nearness: which words are shared, each weighing by how few intents use it, and how much
of the letters stands in the same order (rapidfuzz), so that "want to call" and "wanted to call", or
a garbled word, stay near. The first finds the phrases worth a look, both together rank them.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

from lowtide.intents.text import EX

LOOK_AT = 48
"""Phrases ranked by letters after the words have found them."""
WORDS_WEIGH = 0.55
"""Share of the words in the score, the letters having the rest; docs/understanding.md."""
EX_WEIGHT = 0.35
"""The ex is in nearly every phrase: it ties, and does not decide."""


@dataclass(frozen=True)
class Candidate:
    """One intent an utterance may mean."""

    intent: str
    score: float
    """0 to 1."""
    phrase: str
    """The nearest phrase of that intent, in canonical form."""


class Matcher:
    """Nearest known phrases.

    Args:
        phrases: (intent id, canonical phrase) pairs; see `lowtide.intents.pack.compiled`.
    """

    def __init__(self, phrases: Sequence[tuple[str, str]]) -> None:
        self._intents = [intent for intent, _ in phrases]
        self._phrases = [phrase for _, phrase in phrases]
        intents_with: dict[str, set[str]] = defaultdict(set)
        postings: dict[str, list[int]] = defaultdict(list)
        for number, (intent, phrase) in enumerate(phrases):
            for word in dict.fromkeys(phrase.split()):
                intents_with[word].add(intent)
                postings[word].append(number)
        total = len(set(self._intents)) + 1
        self._weight = {
            word: EX_WEIGHT if word == EX else float(np.log(total / len(ids)) + 0.2)
            for word, ids in intents_with.items()
        }
        self._unknown = float(np.log(total) + 0.2)
        self._postings = {word: np.array(ids) for word, ids in postings.items()}
        squares = np.zeros(len(phrases))
        for word, numbers in self._postings.items():
            squares[numbers] += self._weight[word] ** 2
        self._norms = np.sqrt(squares)

    def rank(self, text: str) -> list[Candidate]:
        """The candidates for a canonical text, best first, one for each intent."""
        words = text.split()
        if not words or not self._phrases:
            return []
        shared = self._shared(words)
        look = _largest(shared, LOOK_AT)
        letters = process.cdist([text], [self._phrases[i] for i in look], scorer=fuzz.ratio)[0]
        scores = WORDS_WEIGH * shared[look] + (1 - WORDS_WEIGH) * letters / 100
        best: dict[str, Candidate] = {}
        for number, score in zip(look, scores, strict=True):
            intent = self._intents[number]
            if intent not in best or score > best[intent].score:
                best[intent] = Candidate(intent, float(score), self._phrases[number])
        return sorted(best.values(), key=lambda candidate: -candidate.score)

    def _shared(self, words: Sequence[str]) -> NDArray[np.float64]:
        """Cosine of weighted words between the text and every phrase."""
        product = np.zeros(len(self._phrases))
        for word in dict.fromkeys(words):  # in order: sums of the same numbers stay the same
            if word in self._postings:
                product[self._postings[word]] += self._weight[word] ** 2
        return product / (self._norms * self._norm(words) + 1e-9)

    def _norm(self, words: Sequence[str]) -> float:
        squares = (self._weight.get(word, self._unknown) ** 2 for word in dict.fromkeys(words))
        return float(np.sqrt(sum(squares)))


def _largest(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Where the largest values stand: largest first, of equal ones the first.

    A tenth of the time that sorting all of them takes.
    """
    among = np.arange(len(values))
    if len(values) > count:
        least = np.partition(values, -count)[-count]
        among = np.flatnonzero(values >= least)
    return among[np.argsort(-values[among], kind="stable")[:count]]
