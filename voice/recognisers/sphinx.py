"""PocketSphinx with the wheel's US-English sounds and our own language model, in a worker process.

The binding never releases the interpreter lock (measured: audio callbacks up to 1.8 s late), so it
decodes in a child.
"""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import lowtide.models
from lowtide.intents.events import Hypothesis
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.recognisers.in_child import OUTSTANDING, InChild, answer

MODEL = Path(lowtide.models.__file__).parent / "sphinx" / "en.lm.bin"
"""The general language model mixed with the packs' phrases; models/sphinx/README.md."""
DICTIONARY = MODEL.with_name("en.dict")
N_BEST = 8
PATHS = 100
"""Paths of the lattice read for `N_BEST` different readings: many differ in pauses only."""
FRESH_STARTS = (32, 64)
"""Frames (1 s, 2 s) after which an utterance is decoded from its beginning once more, each time
with a better idea of the voice and the room; docs/engines.md."""
REMEMBERED = 500.0
"""Frames of 10 ms that what was heard earlier in a session counts at most for that idea: 5 s."""
SEARCH = {
    "fwdflat": False,
    "lw": 5.5,
    "maxhmmpf": 3000,
    "maxwpf": 10,
}
"""PocketSphinx's settings that differ from its own; docs/engines.md has the sweep."""
SCORE_SCALE = 51.2
"""Turns differences of path scores into log odds between readings: PocketSphinx divides scores by
1024, and its own posteriors flatten them by 20 (`ascale`); docs/engines.md has the calibration."""

_LISTEN_ONLY = "listen only"
"""Name of a search that looks for nothing of use."""

Reading = tuple[str, float]
"""Text and its log score."""


class Sphinx(InChild):
    """The engine that needs no download and no onnxruntime.

    Args:
        behind: Frames the child may be behind.

    Raises:
        NoRecogniser: The worker could not load the model.
    """

    def __init__(self, behind: int = OUTSTANDING) -> None:
        if not (MODEL.is_file() and DICTIONARY.is_file()):
            raise NoRecogniser(
                f"{MODEL.parent}: the language model is missing; install lowtide again."
            )
        remedy = "install it again: pip install --force-reinstall pocketsphinx"
        super().__init__("PocketSphinx (embedded)", _serve, remedy, behind)


def hypotheses(readings: Sequence[Reading]) -> tuple[Hypothesis, ...]:
    """Different readings with their share of the odds; the first stays the first.

    Args:
        readings: The recogniser's best, then paths of its lattice; one text may come many times,
            with other pauses and pronunciations, and then its odds add up.
    """
    if not readings:
        return ()
    best = max(score for _, score in readings)
    odds: defaultdict[str, float] = defaultdict(float)
    for text, score in readings:
        odds[text] += math.exp((score - best) * SCORE_SCALE)
    total = sum(odds.values())
    first = readings[0][0]
    ranked = sorted(odds, key=lambda text: (text != first, -odds[text]))
    return tuple(Hypothesis(text, odds[text] / total) for text in ranked[:N_BEST])


def _serve(pipe: Connection) -> None:
    decoding = Decoding()
    pipe.send("ready")
    answer(pipe, decoding)


@dataclass(frozen=True)
class Mean:
    """A mean of the cepstrum, and the frames of 10 ms it was measured on."""

    values: tuple[float, ...] = ()
    frames: float = 0.0

    def __str__(self) -> str:
        """As PocketSphinx reads it."""
        return ",".join(f"{value:.4f}" for value in self.values)

    def with_utterance(self, other: "Mean", most: float = math.inf) -> "Mean":
        """Both together, each by its length; counting as `most` frames at most."""
        if not self.frames:
            return Mean(other.values, min(other.frames, most))
        frames = self.frames + other.frames
        share = other.frames / frames
        pairs = zip(self.values, other.values, strict=True)
        return Mean(tuple(a + share * (b - a) for a, b in pairs), min(frames, most))


class Decoding:
    """One utterance after another, in the worker.

    PocketSphinx takes the mean of the cepstrum off before it compares sounds. Its own live mean
    begins with a stranger's and follows slowly, which costs a quarter of all words of a first
    utterance; so the mean is measured on the utterance itself, and remembered for the next.
    """

    def __init__(self) -> None:
        from pocketsphinx import Decoder  # noqa: PLC0415 - only the child loads it

        self._decoder: Any = Decoder(
            samprate=16000, loglevel="FATAL", lm=str(MODEL), dict=str(DICTIONARY), **SEARCH
        )
        self._search = self._decoder.current_search()
        self._decoder.add_keyphrase(_LISTEN_ONLY, "hello")
        self._known = Mean()
        self._sound = bytearray()
        self._under_way = False

    def start(self) -> None:
        """Begin an utterance; one under way is dropped."""
        self._end()
        self._sound.clear()

    def take(self, samples: bytes) -> str:
        """Take in one frame; what was understood so far."""
        self._sound += samples
        frames = len(self._sound) // len(samples)
        if frames in FRESH_STARTS:
            self._decode_anew()
        elif self._under_way:
            self._decoder.process_raw(samples, no_search=False, full_utt=False)
        return self.look()

    def look(self) -> str:
        """What was understood so far."""
        return self._best() if self._under_way else ""

    def finish(self, *, looked: bool) -> tuple[Hypothesis, ...]:  # noqa: ARG002 - it never stops
        """The readings of the whole utterance, best first; its mean is kept for the next one."""
        if not self._under_way:
            self._decode_anew()
        self._end()
        readings = hypotheses(list(self._readings()))
        self._known = self._known.with_utterance(self._own_mean(), REMEMBERED)
        return readings

    def _decode_anew(self) -> None:
        self._end()
        own = self._own_mean()
        self._decoder.set_cmn(str(self._known.with_utterance(own)))
        self._decoder.start_utt()
        self._under_way = True
        self._decoder.process_raw(bytes(self._sound), no_search=False, full_utt=False)

    def _own_mean(self) -> "Mean":
        """Of the utterance so far, by a search that costs next to nothing."""
        decoder = self._decoder
        decoder.activate_search(_LISTEN_ONLY)
        decoder.start_utt()
        decoder.process_raw(bytes(self._sound), no_search=True, full_utt=True)
        values = [float(value) for value in decoder.get_cmn(False).split(",")]  # noqa: FBT003
        decoder.end_utt()
        decoder.activate_search(self._search)
        return Mean(tuple(values), len(self._sound) / 320)

    def _end(self) -> None:
        if self._under_way:
            self._decoder.end_utt()
            self._under_way = False

    def _best(self) -> str:
        best = self._decoder.hyp()
        return str(best.hypstr) if best else ""

    def _readings(self) -> Iterator[Reading]:
        first = self._best()
        if not first:
            return
        paths = [
            (path.hypstr, math.log(path.score))
            for path in itertools.islice(self._decoder.nbest() or (), PATHS)
            if path.hypstr and path.score > 0
        ]
        # The best reading's own score is on another scale; that of its path is not.
        if first not in {text for text, _ in paths}:
            yield first, max((score for _, score in paths), default=0.0)
        yield from sorted(paths, key=lambda path: path[0] != first)
