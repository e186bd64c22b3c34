"""When a session sleeps and what wakes it: its cap, its mode, and a poke from elsewhere.

open   listens at once; half an hour without speech, and it says so softly and sleeps
wake   sleeps until "low tide" is said, and again soon after a conversation
push   the same, and only a poke wakes it: a key, or `lowtide poke` from another program
"""

import contextlib
import os
import select
import sys
from pathlib import Path
from typing import Literal, Self

from lowtide.intents.dialogue import Dialogue
from lowtide.voice.errors import Trouble

Mode = Literal["open", "wake", "push"]
SLEEPS_AFTER: dict[Mode, float] = {"open": 1800.0, "wake": 60.0, "push": 60.0}
"""Seconds without speech; DESIGN.md section 5 for the open microphone."""


class NoSession(Trouble):
    """There is no session to poke."""


class Waking:
    """Counts the silence of a session.

    Args:
        mode: See above.
    """

    def __init__(self, mode: Mode = "open") -> None:
        self.mode = mode
        self._since = 0.0

    @property
    def begins_asleep(self) -> bool:
        """Whether the session begins without a word."""
        return self.mode != "open"

    def heard(self, now: float) -> None:
        """Somebody spoke, or we did."""
        self._since = now

    def sleeps(self, dialogue: Dialogue, now: float) -> bool:
        """Whether it is time to sleep: never in the middle of something in the short modes."""
        if now - self._since < SLEEPS_AFTER[self.mode]:
            return False
        return self.mode == "open" or dialogue.state == "idle"

    def wakes_by_voice(self) -> bool:
        """Whether the wake phrase counts."""
        return self.mode != "push"


class Pokes:
    """Takes pokes while a session runs: from its own pipe, and from the Enter key."""

    def __init__(self) -> None:
        self._pipe: int | None = None

    def __enter__(self) -> Self:
        if os.name == "posix":
            path = _path()
            with contextlib.suppress(OSError):  # Without the folder there are no pokes.
                path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                path.unlink(missing_ok=True)
                os.mkfifo(path, 0o600)
                self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        return self

    def __exit__(self, *raised: object) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            _path().unlink(missing_ok=True)

    def taken(self) -> bool:
        """Whether a poke has come since last asked."""
        poked = False
        if self._pipe is not None:
            with contextlib.suppress(BlockingIOError):
                poked = bool(os.read(self._pipe, 16))
        return poked or _enter_pressed()


def poke() -> None:
    """Poke the session that runs.

    Raises:
        NoSession: None does.
    """
    try:
        pipe = os.open(_path(), os.O_WRONLY | os.O_NONBLOCK)
        try:
            os.write(pipe, b"!")
        finally:
            os.close(pipe)
    except (OSError, AttributeError) as error:
        raise NoSession("No session is running here; start one: lowtide") from error


def _enter_pressed() -> bool:
    if os.name != "posix" or sys.stdin is None or not sys.stdin.isatty():
        return False
    ready, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(ready) and bool(sys.stdin.readline())


def _path() -> Path:
    from platformdirs import user_runtime_path  # noqa: PLC0415 - only where somebody pokes

    return user_runtime_path("lowtide") / "poke"
