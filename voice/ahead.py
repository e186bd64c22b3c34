"""Renders everything that can be said before it is needed: with a bar at set-up, else unseen."""

import threading
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import track

from lowtide.intents.acts import Say
from lowtide.intents.delivery import PACE, SETTLED_PACE
from lowtide.intents.pack import Pack
from lowtide.intents.person import Person
from lowtide.intents.sayable import sayable
from lowtide.voice.errors import Trouble
from lowtide.voice.prompts import Prompts, cache_folder
from lowtide.voice.synthesis import Synthesis, Voice

BEGINS_AFTER = 5.0
"""Seconds a session has for itself before anything is rendered beside it."""
ENDS_WITHIN = 2.0
"""Seconds for it to end with the session."""
RESTS_FOR = 1.0
"""Seconds between two sentences, so that a session's idle computing stays small."""


def everything(pack: Pack, person: Person) -> Iterator[Say]:
    """All that can be said, at the pace of the day and at the night's last."""
    yield from sayable(pack, person, PACE)
    if person.night != "off":
        yield from sayable(pack, person, round(PACE * SETTLED_PACE))


def render_with_bar(pack: Pack, person: Person, voice: str) -> None:
    """Render what is not in the cache yet, in sight of the person.

    Raises:
        Trouble: Nothing here can speak, or the cache can't be written.
    """
    synthesis = Synthesis()
    try:
        prompts = Prompts(cache_folder(), synthesis, Voice(voice))
        console = Console(stderr=True)
        missing = prompts.missing(everything(pack, person))
        for sentence in track(missing, "Preparing the voice", console=console, transient=True):
            prompts.sentence(*sentence)
    finally:
        synthesis.close()


class Ahead:
    """Renders beside a session, with what computing is left over, until all is there.

    Args:
        says: What to have ready, most urgent first.
        prompts: Knows what is missing.
        voice: A voice id of pyttsx3.
    """

    def __init__(self, says: Iterable[Say], prompts: Prompts, voice: str) -> None:
        self._says = says
        self._prompts = prompts
        self._voice = voice
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._render, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join(ENDS_WITHIN)  # A process left half begun would complain on the screen.

    def _render(self) -> None:
        if self._over.wait(BEGINS_AFTER):
            return
        try:
            if missing := self._prompts.missing(self._says):
                self._speak(missing)
        except Trouble:
            return  # The session itself tells the person, where it needs to speak.

    def _speak(self, missing: Iterable[tuple[str, int]]) -> None:
        synthesis = Synthesis(in_background=True)
        try:
            prompts = Prompts(cache_folder(), synthesis, Voice(self._voice))
            for sentence in missing:
                if self._over.wait(RESTS_FOR):
                    return
                prompts.sentence(*sentence)
        finally:
            synthesis.close()
