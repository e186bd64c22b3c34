"""Reads the words in a stretch of speech: Whisper, an encoder and a decoder run by onnxruntime.

Whisper (Radford et al. 2022, arXiv:2212.04356) hears a spectrum of ten seconds or thirty. Its
decoder writes pieces of words one by one; the likeliest beginnings are followed side by side (beam
search), which gives the n-best readings.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lowtide.models.network import session

RATE = 16_000
"""Samples per second."""
SHORTEST = 1_600
"""Samples (0.1 s): in less there is no word."""
HOP, WINDOW = 160, 400
"""Samples from one column of the spectrum to the next, and samples in each."""
BANDS, HIGHEST = 80, 8000.0
"""Rows of the spectrum, and Hz of its highest."""
COLUMNS = (1000, 3000)
"""Of the spectra it reads: 10 s are a third of the 30 it was taught, in a third of the time; as
short as what was said, and it repeats itself."""
SPARE = 0.5
"""Seconds of silence that the shorter must have at its end."""
BEAMS = 4
"""Beginnings with different words that are followed side by side, and texts that end a search."""
LOOKED_AT = 4 * BEAMS
"""Ways to go on that are looked at; many differ from another in a capital or a comma only."""
LONGER = 0.2
"""Log odds more for each piece: without, it breaks off in the middle; docs/engines.md."""
PIECES_A_SECOND, PIECES_MORE = 8.0, 6
"""How many pieces a second of speech can have, and at least: who speaks fast says six or seven. A
decoder that repeats itself ends there."""
END, PROMPT = 0, (1, 2, 3, 4)
"""Numbers of the pieces that end a text, and that begin one: in English, as it is said, without
times."""
_LAYERS, _HEADS, _WIDTH = 6, 8, 64
_WORD = re.compile(r"[a-z0-9']+")

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Reading:
    """A text that the sound may be."""

    text: str
    """As written: capitals, commas, figures."""
    log_odds: float
    """Natural logarithm of the probability of the text, 0 at most."""
    pieces: int
    """How many pieces it has, its end among them."""
    prior: float = 0.0
    """Natural logarithm of how much likelier it is for other reasons than its sound."""


@dataclass(frozen=True)
class _Beam:
    pieces: tuple[int, ...]
    log_odds: float
    prior: float = 0.0


def _odds(beam: _Beam) -> float:
    return beam.log_odds + beam.prior


class _Expected:
    """What is likely to be said as a whole.

    Args:
        phrases: Lower case words, each with how much likelier it is (log odds).
    """

    def __init__(self, phrases: Mapping[str, float]) -> None:
        self._phrases = sorted(phrases)
        self._odds = phrases

    def whole(self, words: str) -> float:
        """Log odds more for these words and none after them."""
        return self._odds.get(words, 0.0)

    def begun(self, words: str) -> float:
        """Log odds more for this beginning."""
        place = bisect_left(self._phrases, words)
        nearest = self._phrases[place] if place < len(self._phrases) else ""
        begins = words and nearest.startswith(words)
        return self._odds[nearest] * len(words) / len(nearest) if begins else 0.0


class Whisper:
    """The network.

    Args:
        folder: With `encoder.onnx`, `decoder.onnx` and `pieces.txt`; see scripts/make_whisper.

    Raises:
        ImportError: There is no onnxruntime for this machine.
        OSError: A file is missing or can't be read.
        ValueError: A file is not what it should be.
    """

    def __init__(self, folder: Path) -> None:
        self._expected = _Expected({})
        self._pieces = (folder / "pieces.txt").read_text("utf-8").split("\n")[:-1]
        self._encoder = session(folder / "encoder.onnx")
        self._decoder = session(folder / "decoder.onnx")

    def expect(self, phrases: Mapping[str, float]) -> None:
        """Make it likelier, by so much in log odds, that one of these was said as a whole."""
        self._expected = _Expected(phrases)

    def read(self, samples: Floats) -> tuple[Reading, ...]:
        """The likeliest texts of the sound, best first; none where it is too short for a word.

        Args:
            samples: Mono, `RATE` a second, -1 to 1; thirty seconds at most.
        """
        if len(samples) < SHORTEST:
            return ()
        short = len(samples) <= COLUMNS[0] * HOP - SPARE * RATE
        spectrum = _spectrum(samples, COLUMNS[0] if short else COLUMNS[1])
        keys, values = self._encoder.run(None, {"spectrum": spectrum[None]})
        most = int(len(samples) / RATE * PIECES_A_SECOND) + PIECES_MORE
        return tuple(
            Reading(self._text(beam.pieces), beam.log_odds, len(beam.pieces) + 1, beam.prior)
            for beam in self._search(_Writing(self._decoder, keys, values), most)
        )

    def _search(self, writing: "_Writing", most: int) -> list[_Beam]:
        """The likeliest texts that came to an end."""
        beams, ended = [_Beam((), 0.0)], dict[str, _Beam]()
        numbers = writing.begin()
        for _ in range(most):
            scores = np.array([[beam.log_odds] for beam in beams]) + _log_softmax(numbers)
            going_on: dict[str, tuple[int, _Beam]] = {}
            for place in _largest(scores.ravel(), LOOKED_AT):
                of, piece = divmod(int(place), scores.shape[1])
                score, before = float(scores[of, piece]), beams[of].pieces
                length = LONGER * (len(before) + 1)
                if piece == END:
                    words = self._words(before)
                    prior = self._expected.whole(words) + length
                    text = replace(beams[of], log_odds=score, prior=prior)
                    ended[words] = max(text, ended.get(words, text), key=_odds)
                else:
                    pieces = (*before, piece)
                    prior = self._expected.begun(self._words(pieces)) + length
                    written = self._text(pieces).lower()
                    going_on.setdefault(written, (of, _Beam(pieces, score, prior)))
            likely = sorted(going_on.values(), key=lambda each: -_odds(each[1]))[:BEAMS]
            beams = [beam for _, beam in likely]
            best = max(map(_odds, ended.values()), default=-np.inf)
            if len(ended) >= BEAMS and _odds(beams[0]) < best:
                break
            numbers = writing.go_on([of for of, _ in likely], [beam.pieces[-1] for beam in beams])
        return sorted(ended.values(), key=_odds, reverse=True)[:BEAMS] or beams[:1]

    def _text(self, pieces: Sequence[int]) -> str:
        return "".join(self._pieces[piece] for piece in pieces).strip()

    def _words(self, pieces: Sequence[int]) -> str:
        """Without capitals and commas."""
        return " ".join(_WORD.findall(self._text(pieces).lower()))


class _Writing:
    """What the decoder remembers of the beginnings of one text.

    Args:
        decoder: The network.
        keys: Of what the encoder heard, and
        values: the same.
    """

    def __init__(self, decoder: Any, keys: Floats, values: Floats) -> None:  # noqa: ANN401 - untyped
        self._decoder = decoder
        self._heard = {"keys": keys, "values": values}
        self._past = [np.zeros((_LAYERS, 1, _HEADS, 0, _WIDTH), np.float32)] * 2

    def begin(self) -> Floats:
        """The numbers of what may come first, of shape (1, pieces)."""
        return self._run([PROMPT])

    def go_on(self, came_from: Sequence[int], pieces: Sequence[int]) -> Floats:
        """For each beginning the numbers of what may come next.

        Args:
            came_from: Which of the beginnings before each goes on.
            pieces: What it goes on with.
        """
        self._past = [each[:, list(came_from)] for each in self._past]
        return self._run([(piece,) for piece in pieces])

    def _run(self, pieces: Sequence[Sequence[int]]) -> Floats:
        past = dict(zip(("past_keys", "past_values"), self._past, strict=True))
        asked = {"pieces": np.array(pieces, np.int64), **past, **self._heard}
        numbers: Floats
        numbers, *self._past = self._decoder.run(None, asked)
        numbers[:, list(PROMPT)] = -np.inf  # A text has begun once.
        return numbers


def _spectrum(samples: Floats, columns: int) -> Floats:
    """The logarithmic mel spectrum that Whisper was taught, of shape (BANDS, columns)."""
    sound = np.pad(samples, (0, columns * HOP - len(samples))).astype(np.float32)
    sound = np.pad(sound, WINDOW // 2, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(sound, WINDOW)[::HOP][:columns]
    waves = np.fft.rfft(windows * np.hanning(WINDOW + 1)[:-1].astype(np.float32), axis=1)
    power = (waves.real**2 + waves.imag**2).astype(np.float32)
    loud = np.log10(np.maximum(_bands() @ power.T, 1e-10))
    spectrum: Floats = (np.maximum(loud, loud.max() - 8.0) + 4.0) / 4.0
    return spectrum


@cache
def _bands() -> Floats:
    """Triangles on Slaney's mel scale (1998), of equal area: of shape (BANDS, bins)."""
    ends = _hertz(np.linspace(0.0, _mel(HIGHEST), BANDS + 2))
    bins = np.linspace(0.0, RATE / 2, WINDOW // 2 + 1)
    widths = np.diff(ends)
    rising = (bins - ends[:-2, None]) / widths[:-1, None]
    falling = (ends[2:, None] - bins) / widths[1:, None]
    area = 2.0 / (ends[2:] - ends[:-2])
    return (np.maximum(0.0, np.minimum(rising, falling)) * area[:, None]).astype(np.float32)


_LINEAR_TO, _HERTZ_A_MEL = 1000.0, 200.0 / 3.0
_STEP = np.log(6.4) / 27.0
"""Slaney's scale: even up to 1000 Hz, logarithmic above."""


def _mel(hertz: float) -> float:
    return float(_LINEAR_TO / _HERTZ_A_MEL + np.log(hertz / _LINEAR_TO) / _STEP)


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    over = mels - _LINEAR_TO / _HERTZ_A_MEL
    return np.where(over < 0, mels * _HERTZ_A_MEL, _LINEAR_TO * np.exp(_STEP * over))


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    odds: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return odds


def _largest(scores: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """Where the largest are, largest first."""
    some = np.argpartition(scores, -count)[-count:]
    ordered: NDArray[np.intp] = some[np.argsort(-scores[some])]
    return ordered
