"""PocketSphinx with the US-English model its wheel carries, in a worker process.

The binding never releases the interpreter lock (measured: audio callbacks up to 1.8 s late), so it
decodes in a child. Every frame sent is answered with the partial text; that many answers may be
outstanding before `accept` waits, so the child can't fall behind unseen.
"""

import math
from collections import Counter
from multiprocessing.connection import Connection
from typing import Any

from lowtide.intents.events import Hypothesis
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.frames import Frame
from lowtide.voice.worker import Worker, WorkerLost

N_BEST = 8
OUTSTANDING = 8
"""Frames (256 ms) the child may be behind."""
ANSWER_WITHIN = 20.0
"""Seconds; loading the model takes under one, a long utterance's last pass a few."""
SCORE_SCALE = 1 / 400.0
"""Turns differences of path scores into odds between readings; docs/engines.md."""


class Sphinx:
    """The embedded engine: works on a fresh machine without any download.

    Raises:
        NoRecogniser: The worker could not load the model.
    """

    name = "PocketSphinx (embedded)"

    def __init__(self) -> None:
        self._worker = Worker(_serve)
        self._outstanding = 0
        self._partial = ""
        self._await_ready()

    def start(self) -> None:
        """Begin an utterance; one under way is dropped."""
        self._settle()
        self._partial = ""
        self._worker.send("start")

    def accept(self, frame: Frame) -> None:
        """Take in one frame of the utterance."""
        self._worker.send(frame.samples.tobytes())
        self._outstanding += 1
        while self._outstanding >= OUTSTANDING or (self._outstanding and self._worker.waiting()):
            self._take_partial()

    def partial(self) -> str:
        """What was understood so far."""
        return self._partial

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance: n-best, best first."""
        self._settle()
        self._worker.send("finish")
        return _hypotheses(self._worker.receive(ANSWER_WITHIN))

    def close(self) -> None:
        """End the worker."""
        self._worker.close()

    def _await_ready(self) -> None:
        try:
            self._worker.receive(ANSWER_WITHIN)
        except WorkerLost as error:
            raise NoRecogniser(
                "PocketSphinx did not start; install it again: "
                "pip install --force-reinstall pocketsphinx"
            ) from error

    def _settle(self) -> None:
        while self._outstanding:
            self._take_partial()

    def _take_partial(self) -> None:
        self._partial = self._worker.receive(ANSWER_WITHIN)
        self._outstanding -= 1


def _hypotheses(scored: list[tuple[str, float]]) -> tuple[Hypothesis, ...]:
    """Distinct readings with their share of the odds."""
    if not scored:
        return ()
    best = max(score for _, score in scored)
    odds: Counter[str] = Counter()
    for text, score in scored:
        odds[text] = max(odds[text], math.exp((score - best) * SCORE_SCALE))  # type: ignore[assignment]
    total = sum(odds.values())
    first = scored[0][0]
    ranked = sorted(odds, key=lambda text: (text != first, -odds[text]))
    return tuple(Hypothesis(text, odds[text] / total) for text in ranked)


def _serve(pipe: Connection) -> None:
    decoder = _decoder()
    pipe.send("ready")
    decoding = False
    while True:
        message = pipe.recv()
        if message == "start":
            if decoding:
                decoder.end_utt()
            decoder.start_utt()
            decoding = True
        elif message == "finish":
            decoder.end_utt()
            decoding = False
            pipe.send(_n_best(decoder))
        else:
            decoder.process_raw(message, no_search=False, full_utt=False)
            hypothesis = decoder.hyp()
            pipe.send(hypothesis.hypstr if hypothesis else "")


def _decoder() -> Any:  # noqa: ANN401 - an untyped library
    from pocketsphinx import Decoder  # noqa: PLC0415 - only the child loads it

    return Decoder(samprate=16000, loglevel="FATAL")


def _n_best(decoder: Any) -> list[tuple[str, float]]:  # noqa: ANN401 - an untyped library
    best = decoder.hyp()
    if best is None or not best.hypstr:
        return []
    readings = [(best.hypstr, float(best.score))]
    for reading, _ in zip(decoder.nbest() or (), range(N_BEST), strict=False):
        if reading.hypstr:
            readings.append((reading.hypstr, float(reading.score)))
    return readings
