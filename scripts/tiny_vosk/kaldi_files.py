"""Kaldi's binary files and OpenFst's, as far as the test model needs them."""

import struct
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Arc = tuple[int, int, float, int]
"""Input label, output label, cost, next state."""


class KaldiFile:
    """A binary file of Kaldi's, written piece by piece."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._file.write(b"\0B")

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """What is written meanwhile stands between <name> and </name>."""
        self.token(f"<{name}>")
        yield
        self.token(f"</{name}>")

    def token(self, token: str) -> None:
        """A word of the format, or a name."""
        self._file.write(token.encode() + b" ")

    def lines(self, lines: Sequence[str]) -> None:
        """Text with an empty line after it."""
        self._file.write(("\n" + "\n".join(lines) + "\n\n").encode())

    def integers(self, *values: int) -> None:
        """Single integers."""
        for value in values:
            self._file.write(b"\x04" + struct.pack("<i", value))

    def integer_list(self, values: Sequence[int]) -> None:
        """A counted vector of integers."""
        self._file.write(b"\x04" + struct.pack(f"<{len(values) + 1}i", len(values), *values))

    def single(self, value: float) -> None:
        """A float of 4 bytes."""
        self._file.write(b"\x04" + struct.pack("<f", value))

    def double(self, value: float) -> None:
        """A float of 8 bytes."""
        self._file.write(b"\x08" + struct.pack("<d", value))

    def vector(self, values: Floats | Sequence[float]) -> None:
        """A vector of floats."""
        self.token("FV")
        self.integers(len(values))
        self._file.write(np.ascontiguousarray(values, "<f4").tobytes())

    def matrix(self, values: Floats) -> None:
        """A matrix of floats."""
        self.token("FM")
        self.integers(*values.shape)
        self._file.write(np.ascontiguousarray(values, "<f4").tobytes())


def write_transitions(file: KaldiFile, outputs: Mapping[int, tuple[int, int]]) -> None:
    """The TransitionModel: every phone has one state that is entered, held and left at even odds.

    Args:
        file: Where it goes.
        outputs: Of each phone from 1 on: the network's outputs for entering and for holding.
    """
    phones = sorted(outputs)
    with file.inside("TransitionModel"):
        with file.inside("Topology"):
            file.integer_list(phones)
            file.integer_list([-1, *[0] * len(phones)])  # all have the one shape below
            file.integers(-1)  # in the form with an output each for entering and for holding
            file.integers(1, 2)  # one shape, of two states
            file.integers(0, 1, 2)
            for following in (0, 1):
                file.integers(following)
                file.single(0.5)
            file.integers(-1, -1, 0)  # the end
        with file.inside("Tuples"):
            file.integers(len(phones))
            for phone in phones:
                file.integers(phone, 0, *outputs[phone])
        with file.inside("LogProbs"):
            file.vector([0.0, *[float(np.log(0.5))] * (2 * len(phones))])


def enter(phone: int) -> int:
    """The transition that leaves the phone's state, taken first (Kaldi's reordered graphs)."""
    return 2 * phone


def hold(phone: int) -> int:
    """The transition that stays in the phone's state."""
    return 2 * phone - 1


def write_affine(file: KaldiFile, weight: Floats, bias: Floats) -> None:
    """A FixedAffineComponent."""
    with file.inside("FixedAffineComponent"):
        file.token("<LinearParams>")
        file.matrix(weight)
        file.token("<BiasParams>")
        file.vector(bias)


def write_nonlinearity(file: KaldiFile, kind: str, width: int) -> None:
    """A component without weights; its statistics are empty."""
    with file.inside(kind):
        file.token("<Dim>")
        file.integers(width)
        for vector, counts in (
            ("<ValueAvg>", ()),
            ("<DerivAvg>", ("<Count>",)),
            ("<OderivRms>", ("<OderivCount>", "<NumDimsSelfRepaired>", "<NumDimsProcessed>")),
        ):
            file.token(vector)
            file.vector([])
            for count in counts:
                file.token(count)
                file.double(0.0)


def write_fst(
    path: Path, start: int, finals: Mapping[int, float], arcs: Sequence[Sequence[Arc]]
) -> None:
    """An OpenFst VectorFst over the tropical semiring.

    Args:
        path: Where it goes.
        start: The first state.
        finals: Cost of ending, by state.
        arcs: Of each state.
    """
    expanded_and_mutable = 3
    counts = (start, len(arcs), sum(map(len, arcs)))
    with path.open("wb") as file:
        file.write(struct.pack("<i", 2125659606))
        for word in (b"vector", b"standard"):
            file.write(struct.pack("<i", len(word)) + word)
        file.write(struct.pack("<iiQqqq", 2, 0, expanded_and_mutable, *counts))
        for state, leaving in enumerate(arcs):
            file.write(struct.pack("<fq", finals.get(state, float("inf")), len(leaving)))
            for arc in leaving:
                file.write(struct.pack("<iifi", *arc))
