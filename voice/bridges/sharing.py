"""One voice for several conversations, and its words for danger ready before they are needed."""

import asyncio
import logging
import threading
from collections.abc import Iterable
from concurrent.futures import Executor

from lowtide.intents.acts import Say
from lowtide.voice.errors import Trouble
from lowtide.voice.frames import Samples
from lowtide.voice.prompts import Prompts

LOG = logging.getLogger("lowtide")
PAUSE = 0.02
"""Seconds between two sentences that are made ready: a lock is given to whoever waits for it."""


class SharedPrompts(Prompts):
    """For several threads: the voice speaks one sentence at a time."""

    _one = threading.Lock()

    def sentence(self, text: str, words_per_minute: int) -> Samples:
        """One sentence."""
        with self._one:
            return super().sentence(text, words_per_minute)


async def prepare(says: Iterable[Say], prompts: Prompts, threads: Executor) -> None:
    """Have words ready; sentence by sentence, so that an answer waits for one of them at most."""
    loop = asyncio.get_running_loop()
    sentences = {(part.text, say.words_per_minute): None for say in says for part in say.parts}
    try:
        for text, pace in sentences:
            await loop.run_in_executor(threads, prompts.sentence, text, pace)
            await asyncio.sleep(PAUSE)
    except Trouble as error:
        LOG.warning("%s", error)  # Another voice may speak our answers.
