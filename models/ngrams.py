"""Reads meaning from letters and pairs of words alone: less well, and wherever numpy runs.

Every n-gram has a row of numbers, found by its hash; an utterance's numbers are the mean of its
n-grams' rows, by the square root of their count. It stands beside the encoder, and in its place
where that can't run.
"""

import zipfile
import zlib
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROWS = 1 << 15


class Ngrams:
    """The numbers of an utterance by its n-grams.

    Args:
        path: An `.npz` file with `weight` (int8, a row an n-gram), `scale` and `bias`.

    Raises:
        OSError: The file is missing or can't be read.
        ValueError: It is not what it should be.
    """

    def __init__(self, path: Path) -> None:
        try:
            with path.open("rb") as file, np.load(file) as arrays:
                self._weight: NDArray[np.int8] = arrays["weight"]
                self._scale: NDArray[np.float32] = arrays["scale"]
                self._bias: NDArray[np.float32] = arrays["bias"]
        except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path} holds no n-grams that can be read.") from error

    def numbers(self, text: str) -> NDArray[np.float32]:
        """One number for each output of the model."""
        found = rows(text)
        summed = self._weight[found].sum(axis=0, dtype=np.int32) / max(1, len(found)) ** 0.5
        numbers: NDArray[np.float32] = (summed * self._scale + self._bias).astype(np.float32)
        return numbers


def rows(text: str) -> list[int]:
    """The rows of a text's n-grams, each once."""
    return sorted({zlib.crc32(each.encode()) % ROWS for each in _ngrams(text)})


def _ngrams(text: str) -> Iterator[str]:
    """Words, pairs of words, and runs of three to five letters inside words."""
    words = text.split()
    yield from words
    yield from (f"{one} {two}" for one, two in pairwise(words))
    for word in words:
        marked = f"<{word}>"
        for length in (3, 4, 5):
            for start in range(len(marked) - length + 1):
                yield marked[start : start + length]
