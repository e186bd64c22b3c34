"""Reads the words in a stretch of speech: Moonshine, an encoder and a decoder run by onnxruntime.

Moonshine (Jeffries et al. 2024, arXiv:2410.15608) takes sound of any length as it is, so short
things are read in little time. The decoder writes pieces of words one by one; the likeliest
beginnings are followed side by side (beam search), which gives the n-best readings.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lowtide.models.network import session

RATE = 16_000
"""Samples per second."""
SHORTEST = 1_600
"""Samples (0.1 s): in less there is no word, and the encoder needs 0.06 s."""
BEAMS = 4
"""Beginnings with different words that are followed side by side."""
LOOKED_AT = 4 * BEAMS
"""Ways to go on that are looked at; many differ from another in a capital or a comma only."""
UNLIKELY = 5.0
"""Log odds under the best text (one in 150) at which no beginning is worth following."""
PIECES_A_SECOND, PIECES_MORE = 8.0, 6
"""How many pieces a second of speech can have, and at least: who speaks fast says six or seven. A
decoder that repeats itself ends there."""
BEGIN, END = 1, 2
"""Numbers of the pieces that begin and end a text."""
_DECODER_HEADS, _HEAD_SIZE = 8, 36
_WORD = re.compile(r"[a-z0-9']+")
_SPACE = "\N{LOWER ONE EIGHTH BLOCK}".encode()
"""Begins a word in a piece."""

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
    """Natural logarithm of how much likelier it is because it was expected."""


@dataclass(frozen=True)
class _Beam:
    pieces: tuple[int, ...]
    log_odds: float
    prior: float = 0.0
    """Log odds more, because it is expected."""


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


class Moonshine:
    """The network.

    Args:
        folder: With `encoder.ort`, `decoder.ort` and `pieces.bin`.

    Raises:
        ImportError: There is no onnxruntime for this machine.
        OSError: A file is missing or can't be read.
        ValueError: A file is not what it should be.
    """

    def __init__(self, folder: Path) -> None:
        self._expected = _Expected({})
        self._pieces = _pieces((folder / "pieces.bin").read_bytes())
        self._encoder = session(folder / "encoder.ort")
        self._decoder = session(folder / "decoder.ort")
        self._outputs = [each.name for each in self._decoder.get_outputs()]

    def expect(self, phrases: Mapping[str, float]) -> None:
        """Make it likelier, by so much in log odds, that one of these was said as a whole."""
        self._expected = _Expected(phrases)

    def read(self, samples: Floats) -> tuple[Reading, ...]:
        """The likeliest texts of the sound, best first; none where it is too short for a word.

        Args:
            samples: Mono, `RATE` a second, -1 to 1.
        """
        if len(samples) < SHORTEST:
            return ()
        sound = samples[None].astype(np.float32)
        mask = np.ones(sound.shape, np.int64)
        heard = self._encoder.run(None, {"input_values": sound, "attention_mask": mask})[0]
        most = int(len(samples) / RATE * PIECES_A_SECOND) + PIECES_MORE
        return tuple(
            Reading(self._text(beam.pieces), beam.log_odds, len(beam.pieces) + 1, beam.prior)
            for beam in self._search(heard, mask, most)
        )

    def _search(self, heard: Floats, mask: NDArray[np.int64], most: int) -> list[_Beam]:
        """The likeliest texts that came to an end."""
        beams, ended = [_Beam((), 0.0)], dict[str, _Beam]()
        past = self._nothing_said(heard.shape[1])
        for place in range(most):
            logits, past = self._next(beams, heard, mask, past, first=place == 0)
            scores = np.array([[beam.log_odds] for beam in beams]) + _log_softmax(logits)
            going_on: dict[str, tuple[int, _Beam]] = {}
            for number in _largest(scores.ravel(), LOOKED_AT):
                of, piece = divmod(int(number), scores.shape[1])
                score = float(scores[of, piece])
                if piece == END:
                    words = self._words(beams[of].pieces)
                    text = replace(beams[of], log_odds=score, prior=self._expected.whole(words))
                    ended[words] = max(text, ended.get(words, text), key=_odds)
                else:
                    pieces = (*beams[of].pieces, piece)
                    prior = self._expected.begun(self._words(pieces))
                    written = self._text(pieces).lower()
                    going_on.setdefault(written, (of, _Beam(pieces, score, prior)))
            likely = sorted(going_on.values(), key=lambda each: -_odds(each[1]))[:BEAMS]
            beams = [beam for _, beam in likely]
            best = max(map(_odds, ended.values()), default=-np.inf)
            if _odds(beams[0]) < best - UNLIKELY:
                break
            past = {name: value[[of for of, _ in likely]] for name, value in past.items()}
        return sorted(ended.values(), key=_odds, reverse=True)[:BEAMS] or beams[:1]

    def _words(self, pieces: Sequence[int]) -> str:
        """Without capitals and commas."""
        return " ".join(_WORD.findall(self._text(pieces).lower()))

    def _next(
        self,
        beams: Sequence[_Beam],
        heard: Floats,
        mask: NDArray[np.int64],
        past: dict[str, Floats],
        *,
        first: bool,
    ) -> tuple[Floats, dict[str, Floats]]:
        """For each beginning the numbers of what may come next, and what the decoder remembers."""
        pieces = [[beam.pieces[-1] if beam.pieces else BEGIN] for beam in beams]
        logits, *states = self._decoder.run(
            None,
            {
                "input_ids": np.array(pieces, np.int64),
                "encoder_hidden_states": np.repeat(heard, len(beams), axis=0),
                "encoder_attention_mask": np.repeat(mask, len(beams), axis=0),
                "use_cache_branch": np.array([not first]),
                **past,
            },
        )
        names = (name.replace("present", "past_key_values") for name in self._outputs[1:])
        # What was heard stays as the first step left it; later steps give nothing there.
        states = {n: s for n, s in zip(names, states, strict=True) if first or "decoder" in n}
        return logits[:, -1], past | states

    def _nothing_said(self, length: int) -> dict[str, Floats]:
        names = [each.name for each in self._decoder.get_inputs()]
        return {
            name: np.zeros(
                (1, _DECODER_HEADS, length if ".encoder." in name else 0, _HEAD_SIZE), np.float32
            )
            for name in names
            if name.startswith("past_key_values")
        }

    def _text(self, pieces: Sequence[int]) -> str:
        joined = b"".join(self._pieces[piece] for piece in pieces if piece > END)
        return joined.replace(_SPACE, b" ").decode("utf-8", "replace").strip()


def _pieces(raw: bytes) -> list[bytes]:
    """The pieces of words by number: each a length (7 bits a byte, low ones first), then itself."""
    pieces, place = list[bytes](), 0
    while place < len(raw):
        length, place = raw[place], place + 1
        if length >= 128:
            length, place = length - 128 + 128 * raw[place], place + 1
        pieces.append(raw[place : place + length])
        place += length
    return pieces


def _log_softmax(logits: Floats) -> Floats:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    odds: Floats = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return odds


def _largest(scores: NDArray[np.floating], count: int) -> NDArray[np.intp]:
    """Where the largest are, largest first."""
    some = np.argpartition(scores, -count)[-count:]
    ordered: NDArray[np.intp] = some[np.argsort(-scores[some])]
    return ordered
