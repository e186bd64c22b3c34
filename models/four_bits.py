"""Weights that are kept in four bits each, and unpacked to eight when they are loaded.

A column of weights has a step; every block of 32 of its weights has a whole multiple of that step,
and every weight is -8 to 7 of the block's own. So what is unpacked are whole numbers of a byte, at
most 63: eight bits overflow on processors without the instructions for them.
"""

import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

BLOCK = 32
"""Weights that share a multiple."""
TOP = 63
"""The largest number that a weight may be."""


def load(path: Path) -> dict[str, NDArray[np.int8]]:
    """Every matrix of a file, by its name, unpacked to whole numbers of its columns' steps.

    Args:
        path: An `.npz` file with "NAME.nibbles" and "NAME.times" (see `pack`).

    Raises:
        OSError: The file is missing or can't be read.
        ValueError: It is not what it should be.
    """
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            names = [each.removesuffix(".nibbles") for each in arrays if each.endswith(".nibbles")]
            return {
                name: unpack(arrays[f"{name}.nibbles"], arrays[f"{name}.times"]) for name in names
            }
    except (KeyError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} holds no weights that can be read.") from error


def pack(whole: NDArray[np.int8], times: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Two of a block's weights in a byte.

    Args:
        whole: Of shape (rows, columns): -8 to 7, in units of the blocks' multiples.
        times: Of shape (rows / 32, columns): those multiples.

    Returns:
        Shape (rows / 32, 16, columns).
    """
    blocks = (whole + 8).astype(np.uint8).reshape(len(times), BLOCK, -1)
    first, second = blocks[:, : BLOCK // 2], blocks[:, BLOCK // 2 :]
    return np.bitwise_or(first, np.left_shift(second, np.uint8(4)))


def unpack(nibbles: NDArray[np.uint8], times: NDArray[np.uint8]) -> NDArray[np.int8]:
    """What was packed, each weight times its block's multiple; shape (rows, columns)."""
    blocks, half, columns = nibbles.shape
    whole = np.empty((blocks, 2, half, columns), np.int8)
    whole[:, 0] = nibbles & 15
    whole[:, 1] = nibbles >> 4
    whole -= 8
    whole *= times.astype(np.int8)[:, None, None]
    return whole.reshape(blocks * 2 * half, columns)
