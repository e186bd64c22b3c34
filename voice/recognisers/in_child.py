"""A recogniser that works in a process of its own, which may die without the session dying.

Every frame sent is answered with the text so far; that many answers may be outstanding before
`accept` waits, so the child can't fall behind unseen. A child that dies takes the utterance with
it, not the session: the next `start` has a new one.
"""

import contextlib
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any, Protocol

from lowtide.intents.events import Hypothesis
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.frames import Frame
from lowtide.voice.worker import Worker, WorkerLost

OUTSTANDING = 64
"""Frames (2 s) the child may be behind while it catches up."""
ANSWER_WITHIN = 20.0
"""Seconds; loading a model takes under one."""


class Decoding(Protocol):
    """One utterance after another, in the child."""

    def start(self) -> None:
        """Begin an utterance; one under way is dropped."""
        ...

    def take(self, samples: bytes) -> str:
        """Take in one frame, 16 bit; what was understood so far."""
        ...

    def look(self) -> str:
        """What was understood so far; asked for when a pause begins."""
        ...

    def finish(self, *, looked: bool) -> tuple[Hypothesis, ...]:
        """The readings of the whole utterance, best first.

        Args:
            looked: Whether nothing but silence came since the last `look`.
        """
        ...


class InChild:
    """A recogniser in a child.

    Args:
        name: What to call it in one line to a person.
        serve: Runs in the child: says "ready", then `answer` with a `Decoding`.
        remedy: What to do when the child can't begin.
        behind: Frames the child may be behind; a recording comes faster than it can be worked, and
            with 1 it waits for each, so that no backlog is counted as delay.

    Raises:
        NoRecogniser: The child could not load its model.
    """

    def __init__(
        self,
        name: str,
        serve: Callable[[Connection], None],
        remedy: str,
        behind: int = OUTSTANDING,
    ) -> None:
        self.name = name
        self._serve = serve
        self._remedy = remedy
        self._behind = behind
        self._worker = Worker(serve)
        self._lost = False
        self._outstanding = 0
        self._partial = ""
        self._taken = 0
        self._looked_at = -1
        self._expect("ready")

    def start(self) -> None:
        """Begin an utterance; one under way is dropped.

        Raises:
            NoRecogniser: The child had died, and a new one could not load the model.
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
        self._taken, self._looked_at = 0, -1

    def accept(self, frame: Frame) -> None:
        """Take in one frame of the utterance."""
        self._taken += 1
        self._ask(frame.samples.tobytes())

    def partial(self) -> str:
        """What was understood so far. Asked frame by frame from a pause's beginning to its end."""
        if self._looked_at < self._taken - 1:
            self._ask("look")
        self._looked_at = self._taken
        return self._partial

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance: n-best, best first; none when the child died over it."""
        readings: tuple[Hypothesis, ...] = ()
        if not self._lost:
            with self._may_lose():
                self._settle()
                self._worker.send(("finish", self._looked_at == self._taken))
                readings = self._worker.receive(ANSWER_WITHIN)
        return readings

    def close(self) -> None:
        """End the child."""
        self._worker.close()

    def _ask(self, message: object) -> None:
        if self._lost:
            return
        with self._may_lose():
            self._worker.send(message)
            self._outstanding += 1
            while self._outstanding >= self._behind or (
                self._outstanding and self._worker.waiting()
            ):
                self._take_partial()

    @contextlib.contextmanager
    def _may_lose(self) -> Iterator[None]:
        """Put a new child in the place of one that dies; until the next start nothing is heard."""
        try:
            yield
        except WorkerLost:
            self._worker.close()
            self._worker = Worker(self._serve)
            self._lost = True
            self._outstanding = 0
            self._partial = ""

    def _expect(self, answer: str) -> None:
        try:
            said = self._worker.receive(ANSWER_WITHIN)
        except WorkerLost as error:
            raise NoRecogniser(f"{self.name} did not start; {self._remedy}") from error
        assert said == answer

    def _settle(self) -> None:
        while self._outstanding:
            self._take_partial()

    def _take_partial(self) -> None:
        self._partial = self._worker.receive(ANSWER_WITHIN)
        self._outstanding -= 1


def answer(pipe: Connection, decoding: Decoding) -> None:
    """Answer the parent until its end of the pipe closes."""
    while True:
        message: Any = pipe.recv()
        if message == "start":
            decoding.start()
            pipe.send("started")
        elif message == "look":
            pipe.send(decoding.look())
        elif isinstance(message, tuple):
            pipe.send(decoding.finish(looked=message[1]))
        else:
            pipe.send(decoding.take(message))
