"""Frames of one utterance in, hypotheses out; two engines with one face."""

from typing import Protocol

from lowtide.intents.events import Hypothesis
from lowtide.voice.frames import Frame


class Recogniser(Protocol):
    """A speech recogniser. `start`, then `accept` frame by frame, then `finish`."""

    name: str
    """What to call it in one line to a person."""

    def start(self) -> None:
        """Begin an utterance; one under way is dropped."""
        ...

    def accept(self, frame: Frame) -> None:
        """Take in one frame of the utterance."""
        ...

    def partial(self) -> str:
        """What was understood so far."""
        ...

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance: n-best, best first, confidences adding up to 1 at most."""
        ...

    def close(self) -> None:
        """Let go of the model."""
        ...
