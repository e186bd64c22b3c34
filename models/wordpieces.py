"""Splits words into the pieces that the meaning model knows (BERT's way: the longest first)."""

import re
from collections.abc import Iterator
from functools import lru_cache

LONGEST = 64
"""Word pieces read of one utterance; the rest is cut off. About 45 spoken words."""
LONGEST_WORD = 100
"""Letters; BERT's tokeniser takes a longer word as unknown."""
_WORD = re.compile(r"[a-z0-9]+|[^\sa-z0-9]")


class Wordpieces:
    """Splits words into the pieces of a vocabulary, the longest piece first.

    Args:
        vocabulary: The pieces in the order of their numbers; "##" begins a piece inside a word.
    """

    def __init__(self, vocabulary: list[str]) -> None:
        self._number = {piece: number for number, piece in enumerate(vocabulary)}
        self._unknown = self._number["[UNK]"]
        self._word = lru_cache(maxsize=8192)(self._split)

    def numbers(self, text: str) -> list[int]:
        """The pieces' numbers, with the marks of beginning and end."""
        pieces = [number for word in _WORD.findall(text.lower()) for number in self._word(word)]
        return [self._number["[CLS]"], *pieces[: LONGEST - 2], self._number["[SEP]"]]

    def _split(self, word: str) -> tuple[int, ...]:
        try:
            return tuple(self._pieces(word[:LONGEST_WORD]))
        except KeyError:
            return (self._unknown,)

    def _pieces(self, word: str) -> Iterator[int]:
        start = 0
        while start < len(word):
            mark = "##" if start else ""
            ends = range(len(word), start, -1)
            end = next((end for end in ends if mark + word[start:end] in self._number), 0)
            yield self._number[mark + word[start:end] if end else ""]
            start = end
