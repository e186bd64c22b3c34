"""Reads meaning with a fine-tuned sentence encoder, run by onnxruntime on one core."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lowtide.models.four_bits import load as load_weights
from lowtide.models.network import session
from lowtide.models.wordpieces import Wordpieces


class Encoder:
    """The numbers of an utterance by what its words mean together.

    Args:
        pieces: Of which it reads an utterance.
        network: An `.onnx` file.
        weights: An `.npz` file with those of its weights that are kept in four bits.

    Raises:
        ImportError: There is no onnxruntime for this machine.
        OSError: A file is missing or can't be read.
        ValueError: The model is not what it should be.
    """

    def __init__(self, pieces: Wordpieces, network: Path, weights: Path | None = None) -> None:
        self._pieces = pieces
        given = {} if weights is None else load_weights(weights)
        self._session = session(network, given)

    def numbers(self, text: str) -> NDArray[np.float32]:
        """One number for each output of the model."""
        pieces = np.array([self._pieces.numbers(text)], np.int64)
        numbers: NDArray[np.float32] = self._session.run(None, {"pieces": pieces})[0][0]
        return numbers
