"""Renders everything that can be said before it is needed: with a bar at set-up, else unseen.

Beside a session the words for danger come first, at once and without a rest. What is said before
its turn has come is rendered by the session itself.
"""

import contextlib
import threading
from collections.abc import Iterable, Iterator, Sequence
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
"""Seconds a session has for itself before anything but danger is rendered beside it."""
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
        urgent: What to have ready before all else.
        says: What to have ready then, most urgent first.
        prompts: Knows what is missing.
        voice: A voice id of pyttsx3.
    """

    def __init__(
        self, urgent: Iterable[Say], says: Iterable[Say], prompts: Prompts, voice: str
    ) -> None:
        self._urgent = urgent
        self._says = says
        self._prompts = prompts
        self._voice = voice
        self._over = threading.Event()
        self._trouble: Trouble | None = None
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

    def check(self) -> None:
        """Nobody may count on us who can't say the words for danger.

        Raises:
            Trouble: They could not be rendered.
        """
        if self._trouble is not None:
            raise self._trouble

    def _render(self) -> None:
        try:
            self._speak(self._prompts.missing(self._urgent), rest=0.0)
        except Trouble as trouble:
            self._trouble = trouble
            return
        if self._over.wait(BEGINS_AFTER):
            return
        with contextlib.suppress(Trouble):  # The session itself tells, where it needs to speak.
            self._speak(self._prompts.missing(self._says), rest=RESTS_FOR)

    def _speak(self, missing: Sequence[tuple[str, int]], rest: float) -> None:
        if not missing:
            return
        synthesis = Synthesis(in_background=True)
        try:
            prompts = Prompts(cache_folder(), synthesis, Voice(self._voice))
            for sentence in missing:
                if self._over.wait(rest):
                    return
                prompts.sentence(*sentence)
        finally:
            synthesis.close()
