"""PocketSphinx with the wheel's US-English sounds and our own language model, in a worker process.

The binding never releases the interpreter lock (measured: audio callbacks up to 1.8 s late), so it
decodes in a child. Every frame sent is answered with the partial text; that many answers may be
outstanding before `accept` waits, so the child can't fall behind unseen. A child that dies takes
the utterance with it, not the session: the next `start` has a new one.
"""

import contextlib
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
from lowtide.voice.frames import Frame
from lowtide.voice.worker import Worker, WorkerLost

MODEL = Path(lowtide.models.__file__).parent / "sphinx" / "en.lm.bin"
"""The general language model mixed with the packs' phrases; models/sphinx/README.md."""
DICTIONARY = MODEL.with_name("en.dict")
N_BEST = 8
PATHS = 100
"""Paths of the lattice read for `N_BEST` different readings: many differ in pauses only."""
OUTSTANDING = 64
"""Frames (2 s) the child may be behind: it catches up after each new start, see `FRESH_STARTS`."""
ANSWER_WITHIN = 20.0
"""Seconds; loading the model takes under one."""
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


class Sphinx:
    """The embedded engine: works on a fresh machine without any download.

    Args:
        behind: Frames the child may be behind; a recording comes faster than it can be worked, and
            with 1 it waits for each, so that no backlog is counted as delay.

    Raises:
        NoRecogniser: The worker could not load the model.
    """

    name = "PocketSphinx (embedded)"

    def __init__(self, behind: int = OUTSTANDING) -> None:
        self._behind = behind
        if not (MODEL.is_file() and DICTIONARY.is_file()):
            raise NoRecogniser(
                f"{MODEL.parent}: the language model is missing; install lowtide again."
            )
        self._worker = Worker(_serve)
        self._lost = False
        self._outstanding = 0
        self._partial = ""
        self._expect("ready")

    def start(self) -> None:
        """Begin an utterance; one under way is dropped.

        Raises:
            NoRecogniser: The worker had died, and a new one could not load the model.
        """
        if not self._lost:
            with self._may_lose():
                self._settle()
                self._worker.send("start")
                self._worker.receive(ANSWER_WITHIN)
        if self._lost:
            self._expect("ready")
            self._worker.send("start")
            self._expect("started")
            self._lost = False
        self._partial = ""

    def accept(self, frame: Frame) -> None:
        """Take in one frame of the utterance."""
        if self._lost:
            return
        with self._may_lose():
            self._worker.send(frame.samples.tobytes())
            self._outstanding += 1
            while self._outstanding >= self._behind or (
                self._outstanding and self._worker.waiting()
            ):
                self._take_partial()

    def partial(self) -> str:
        """What was understood so far."""
        return self._partial

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance: n-best, best first; none when the worker died over it."""
        readings: Sequence[Reading] = ()
        if not self._lost:
            with self._may_lose():
                self._settle()
                self._worker.send("finish")
                readings = self._worker.receive(ANSWER_WITHIN)
        return hypotheses(readings)

    def close(self) -> None:
        """End the worker."""
        self._worker.close()

    @contextlib.contextmanager
    def _may_lose(self) -> Iterator[None]:
        """Put a new worker in the place of one that dies; until the next start nothing is heard."""
        try:
            yield
        except WorkerLost:
            self._worker.close()
            self._worker = Worker(_serve)
            self._lost = True
            self._outstanding = 0
            self._partial = ""

    def _expect(self, answer: str) -> None:
        try:
            said = self._worker.receive(ANSWER_WITHIN)
        except WorkerLost as error:
            raise NoRecogniser(
                "PocketSphinx did not start; install it again: "
                "pip install --force-reinstall pocketsphinx"
            ) from error
        assert said == answer

    def _settle(self) -> None:
        while self._outstanding:
            self._take_partial()

    def _take_partial(self) -> None:
        self._partial = self._worker.receive(ANSWER_WITHIN)
        self._outstanding -= 1


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
    while True:
        message = pipe.recv()
        if message == "start":
            decoding.start()
            pipe.send("started")
        elif message == "finish":
            pipe.send(decoding.finish())
            decoding.remember()
        else:
            pipe.send(decoding.take(message))


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
        return self._best() if self._under_way else ""

    def finish(self) -> list[Reading]:
        """The readings of the whole utterance, best first."""
        if not self._under_way:
            self._decode_anew()
        self._end()
        return list(self._readings())

    def remember(self) -> None:
        """Keep the mean of the utterance for the next one."""
        self._known = self._known.with_utterance(self._own_mean(), REMEMBERED)

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
