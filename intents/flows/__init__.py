"""Conversations that last, each a script read from top to bottom.

A script is a generator with two verbs. `Ask`: say this, and the next utterance is the answer.
`Until`: say this, then stay to a moment; what is heard meanwhile is answered by the ordinary rules
and does not move the script. Leaving a script is closing the generator; an answer with which a
script ends is answered by the ordinary rules.
"""

from collections.abc import Generator
from dataclasses import dataclass

from lowtide.intents.acts import Act
from lowtide.intents.events import Understanding


@dataclass(frozen=True)
class WhileSilent:
    """Something to say when nobody has answered for so long."""

    after: float
    """Seconds since our voice last answered something heard."""
    acts: tuple[Act, ...]


@dataclass(frozen=True)
class Ask:
    """Say this; the next utterance is sent into the script."""

    acts: tuple[Act, ...]
    while_silent: tuple[WhileSilent, ...] = ()
    name: str = ""
    """What is asked, for telling the same question from another."""


@dataclass(frozen=True)
class Until:
    """Say this; the script goes on after so many seconds, counted from the end of our voice."""

    acts: tuple[Act, ...]
    seconds: float


Flow = Generator[Ask | Until, Understanding | None, None]
"""A running script: it is sent the answer after `Ask`, None after `Until`."""
