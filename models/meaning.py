"""Reads what an utterance probably means, with the encoder and the heads in `heads/`."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lowtide.models.encoder import Encoder, Floats, read_weights

HEADS = Path(__file__).parent / "heads"
EX, EX_READ_AS = "ex", "he"
"""The encoder has read "he" a million times, "ex" hardly ever; measured: docs/understanding.md."""


@dataclass(frozen=True)
class Reading:
    """What an utterance probably means."""

    probabilities: Mapping[str, float]
    """Of every intent and `none`; they add up to 1."""
    danger: Mapping[str, float]
    """Of each safety intent on its own, 0 to 1."""


class MeaningModel:
    """An encoder with two heads: which intent, and whether there is danger.

    Args:
        folder: With `model.safetensors`, `vocab.txt` and `labels.json`.

    Raises:
        OSError: A file is missing or can't be read.
        ValueError: A file is not what it should be.
    """

    def __init__(self, folder: Path) -> None:
        weights = read_weights(folder / "model.safetensors")
        labels = json.loads((folder / "labels.json").read_text("utf-8"))
        vocabulary = (folder / "vocab.txt").read_text("utf-8").splitlines()
        self._encoder = Encoder(weights, vocabulary)
        self._intents: list[str] = labels["intents"]
        self._dangers: list[str] = labels["danger"]
        self._weight: Floats = weights["head.weight"].astype(np.float32)
        self._bias: Floats = weights["head.bias"].astype(np.float32)

    def read(self, text: str) -> Reading:
        """The reading of one utterance in canonical form, the ex written as `EX`."""
        words = " ".join(EX_READ_AS if word == EX else word for word in text.split())
        scores = self._weight @ self._encoder.embed(words) + self._bias
        intents, dangers = np.split(scores, [len(self._intents)])
        shares = np.exp(intents - intents.max())
        shares /= shares.sum()
        return Reading(
            probabilities=dict(zip(self._intents, shares.tolist(), strict=True)),
            danger=dict(zip(self._dangers, (1 / (1 + np.exp(-dangers))).tolist(), strict=True)),
        )


def load(folder: Path = HEADS / "en") -> MeaningModel | None:
    """The shipped model, or None where it has been left out."""
    return MeaningModel(folder) if (folder / "model.safetensors").is_file() else None
