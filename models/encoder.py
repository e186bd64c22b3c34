"""Reads meaning with a fine-tuned sentence encoder, run by onnxruntime on one core."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lowtide.models.network import session
from lowtide.models.wordpieces import Wordpieces


class Encoder:
    """The numbers of an utterance by what its words mean together.

    Args:
        folder: With `model.onnx` and `vocab.txt`.

    Raises:
        ImportError: There is no onnxruntime for this machine.
        OSError: A file is missing or can't be read.
        ValueError: The model is not what it should be.
    """

    def __init__(self, folder: Path) -> None:
        vocabulary = (folder / "vocab.txt").read_text("utf-8").splitlines()
        self._pieces = Wordpieces(vocabulary)
        self._session = session(folder / "model.onnx")

    def numbers(self, text: str) -> NDArray[np.float32]:
        """One number for each output of the model."""
        pieces = np.array([self._pieces.numbers(text)], np.int64)
        numbers: NDArray[np.float32] = self._session.run(None, {"pieces": pieces})[0][0]
        return numbers
