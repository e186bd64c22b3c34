"""Reads what an utterance probably means, with the trained models in `heads/`."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lowtide.models.encoder import Encoder
from lowtide.models.ngrams import Ngrams
from lowtide.models.wordpieces import Wordpieces

HEADS = Path(__file__).parent / "heads"
EX, EX_READ_AS = "ex", "he"
"""The encoder has read "he" a million times, "ex" hardly ever; measured: docs/understanding.md."""
MPNET_SHARE, MINILM_SHARE = 0.5, 0.25
"""Of the encoders in the numbers, the n-grams having the rest; docs/understanding.md."""

RECENT = 8
"""Readings that are remembered: what was said is read at a pause, to know whether more is to come,
and again when the pause has become the end."""


@dataclass(frozen=True)
class Reading:
    """What an utterance probably means."""

    probabilities: Mapping[str, float]
    """Of every intent and `none`; they add up to 1."""
    danger: Mapping[str, float]
    """Of each safety intent on its own, 0 to 1: that a careful listener would ask or act."""
    clear: Mapping[str, float]
    """Of each safety intent on its own, 0 to 1: that a careful listener would act at once."""


class Reader(Protocol):
    """One way to read: the numbers of the intents, of danger, and of clear danger."""

    def numbers(self, text: str) -> NDArray[np.float32]:
        """Log odds, up to a constant for the intents."""
        ...


class MeaningModel:
    """Readers that speak with one voice.

    Args:
        labels: "intents" and "danger", in the order of the readers' numbers.
        readers: Each with its share; the shares add up to 1.
    """

    def __init__(
        self, labels: Mapping[str, Sequence[str]], readers: Sequence[tuple[float, Reader]]
    ) -> None:
        self._intents, self._dangers = labels["intents"], labels["danger"]
        self._readers = tuple(readers)
        self._recent = lru_cache(maxsize=RECENT)(self._read)

    @property
    def whole(self) -> bool:
        """Whether the encoders are among the readers."""
        return any(isinstance(reader, Encoder) for _, reader in self._readers)

    def read(self, text: str) -> Reading:
        """The reading of one utterance in canonical form, the ex written as `EX`."""
        return self._recent(text)

    def _read(self, text: str) -> Reading:
        words = " ".join(EX_READ_AS if word == EX else word for word in text.split())
        numbers = sum(share * reader.numbers(words) for share, reader in self._readers)
        intents, danger, clear = np.split(
            numbers, [len(self._intents), len(self._intents) + len(self._dangers)]
        )
        shares = np.exp(intents - intents.max())
        shares /= shares.sum()
        return Reading(
            probabilities=dict(zip(self._intents, shares.tolist(), strict=True)),
            danger=dict(zip(self._dangers, _odds(danger), strict=True)),
            clear=dict(zip(self._dangers, _odds(clear), strict=True)),
        )


def load(folder: Path = HEADS / "en", *, encoder: bool = True) -> MeaningModel:
    """The shipped model; without the encoders where one has been left out or they can't run.

    Args:
        folder: Of the model's files.
        encoder: Whether the encoders are wanted.

    Raises:
        OSError: A file is missing or can't be read.
        ValueError: A file is not what it should be.
    """
    labels = json.loads((folder / "labels.json").read_text("utf-8"))
    ngrams = Ngrams(folder / "ngrams.npz")
    if encoder:
        with suppress(FileNotFoundError, ImportError):
            pieces = Wordpieces((folder / "vocab.txt").read_text("utf-8").splitlines())
            mpnet = Encoder(pieces, folder / "mpnet.onnx", folder / "mpnet.npz")
            readers: list[tuple[float, Reader]] = [
                (MPNET_SHARE, mpnet),
                (MINILM_SHARE, Encoder(pieces, folder / "minilm.onnx")),
                (1 - MPNET_SHARE - MINILM_SHARE, ngrams),
            ]
            return MeaningModel(labels, readers)
    return MeaningModel(labels, [(1.0, ngrams)])


def _odds(numbers: NDArray[np.float32]) -> list[float]:
    chances: list[float] = (1 / (1 + np.exp(-numbers))).tolist()
    return chances
