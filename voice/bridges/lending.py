"""A few recognisers for many who speak: lent for one utterance, and then for the next."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import TypeVar

import numpy as np

from lowtide.intents.events import Hypothesis
from lowtide.voice.ears import Ears
from lowtide.voice.frames import FRAME_SAMPLES, RATE, Frame, Samples
from lowtide.voice.recognisers import Recogniser
from lowtide.voice.turns import LONGEST

Result = TypeVar("Result")

MOST_BYTES = int(LONGEST * RATE) * 2
"""Of one utterance; what comes after is not heard, so that nothing grows without end."""
FRAME_BYTES = FRAME_SAMPLES * 2
FOR_EVER = float("inf")
"""Seconds of silence that end an utterance: somebody else says when it is over."""


class Lending:
    """Recognisers to lend.

    Args:
        make: Loads one; called in a thread.
        most: How many there may be.
        threads: Where they are loaded and work.
    """

    def __init__(self, make: Callable[[], Recogniser], most: int, threads: Executor) -> None:
        self.threads = threads
        self._make = make
        self._free: list[Recogniser] = []
        self._made: list[Recogniser] = []
        self._left = asyncio.Semaphore(most)

    @property
    def busy(self) -> bool:
        """Whether borrowing means to wait."""
        return self._left.locked()

    async def borrow(self) -> Recogniser:
        """A recogniser of one's own, as soon as there is one.

        Raises:
            NoRecogniser: It can't be loaded.
        """
        await self._left.acquire()
        if self._free:
            return self._free.pop()
        try:
            made = await asyncio.get_running_loop().run_in_executor(self.threads, self._make)
        except BaseException:
            self._left.release()
            raise
        self._made.append(made)
        return made

    def give_back(self, recogniser: Recogniser) -> None:
        """Let the next one have it."""
        self._free.append(recogniser)
        self._left.release()

    def close(self) -> None:
        """End them all."""
        for recogniser in self._made:
            recogniser.close()


class Listening:
    """One utterance on its way to text, heard as it comes, or when a recogniser becomes free.

    What is said while none is free waits in memory, a minute of it at most.
    """

    def __init__(self, lending: Lending) -> None:
        self._lending = lending
        self._ears: Ears | None = None
        self._waiting = bytearray()
        self._taken = 0
        self._index = 0

    async def hear(self, samples: Samples) -> None:
        """Take in some sound, mono and 16 kHz."""
        sound = samples.tobytes()[: MOST_BYTES - self._taken]
        self._taken += len(sound)
        self._waiting += sound
        if self._ears is None and not self._lending.busy:
            self._ears = Ears(await self._lending.borrow())
        if self._ears is not None:
            await self._in_thread(_heard, self._ears, self._frames())

    async def finish(self, within: float) -> tuple[Hypothesis, ...]:
        """What was said, best reading first; nothing where nobody spoke.

        Args:
            within: Seconds to wait for a recogniser at most.

        Raises:
            TimeoutError: None became free.
        """
        self._waiting += bytes(-len(self._waiting) % FRAME_BYTES)
        if self._ears is None:
            self._ears = Ears(await asyncio.wait_for(self._lending.borrow(), within))
        await self._in_thread(_heard, self._ears, self._frames())
        return await self._in_thread(_finished, self._ears)

    def close(self) -> None:
        """Give back what was borrowed; also for an utterance that never ended."""
        if self._ears is not None:
            self._lending.give_back(self._ears.recogniser)
            self._ears = None

    def _frames(self) -> list[Frame]:
        """The whole frames that wait."""
        frames = []
        for begin in range(0, len(self._waiting) - FRAME_BYTES + 1, FRAME_BYTES):
            sound = np.frombuffer(bytes(self._waiting[begin : begin + FRAME_BYTES]), np.int16)
            frames.append(Frame(self._index, sound))
            self._index += 1
        del self._waiting[: len(frames) * FRAME_BYTES]
        return frames

    async def _in_thread(self, work: Callable[..., Result], *arguments: object) -> Result:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._lending.threads, work, *arguments)


def _heard(ears: Ears, frames: list[Frame]) -> None:
    for frame in frames:
        ears.hear(frame, FOR_EVER)


def _finished(ears: Ears) -> tuple[Hypothesis, ...]:
    return ears.recogniser.finish() if ears.hearing else ()
