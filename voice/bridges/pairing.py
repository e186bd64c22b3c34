"""Lets in who has read the code that stands on this machine's screen, and nobody by guessing."""

import asyncio
import hmac
import secrets
from collections.abc import Callable

DIGITS = 6
WRONG_TAKES = 1.0
"""Seconds that a wrong code costs, one after the other for all who try."""
MOST_WRONG = 20
"""Wrong codes in a row after which there is a new one."""
MOST_PAIRED = 32
"""Devices at once; the one that was let in first has to pair again."""


class Pairing:
    """Who may come in.

    Args:
        show: Told the code whenever there is a new one.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._one_at_a_time = asyncio.Lock()
        self._tokens: list[str] = []
        self._wrong = 0
        self._renew()

    async def pair(self, code: str) -> str | None:
        """A token for a right code, or None."""
        async with self._one_at_a_time:
            if hmac.compare_digest("".join(code.split()).encode(), self._code.encode()):
                self._wrong = 0
                token = secrets.token_urlsafe(32)
                self._tokens = [*self._tokens, token][-MOST_PAIRED:]
                return token
            self._wrong += 1
            if self._wrong >= MOST_WRONG:
                self._renew()
            await asyncio.sleep(WRONG_TAKES)
            return None

    def knows(self, token: str) -> bool:
        """Whether a token was given out."""
        return any(hmac.compare_digest(token.encode(), each.encode()) for each in self._tokens)

    def _renew(self) -> None:
        self._wrong = 0
        self._code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
        self._show(self._code)
