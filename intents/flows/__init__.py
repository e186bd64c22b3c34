"""Conversations that last, each a script read from top to bottom.

A script is a generator with two verbs. `Ask`: say this, and the next utterance is the answer.
`Until`: say this, then stay to a moment; what is heard meanwhile is answered by the ordinary rules
and does not move the script. Leaving a script is closing the generator; an answer with which a
script ends is answered by the ordinary rules.
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Protocol

from lowtide.intents.acts import Act, Say
from lowtide.intents.events import Understanding
from lowtide.intents.text import canonical

Takes = Callable[[Understanding], bool]
"""Whether words are meant for a script, and not for the ordinary rules."""


def nothing(_: Understanding) -> bool:
    """No words at all."""
    return False


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
    takes: Takes = nothing
    """What is an answer whatever else it would mean at another moment."""
    within: float | None = None
    """Seconds of silence, from the end of our voice, that are an answer too."""


@dataclass(frozen=True)
class Until:
    """Say this; the script goes on after so many seconds, counted from the end of our voice."""

    acts: tuple[Act, ...]
    seconds: float
    watch: frozenset[str] = frozenset()
    """Intents that are sent into the script instead of being answered."""
    takes: Takes = nothing
    """What is sent into the script whatever else it would mean at another moment."""
    after_quiet: float = 0.0
    """Seconds for which nobody must have spoken before the script goes on."""
    deaf_to_none: bool = False
    """Whether what fits no intent gets no sign of listening: breath is not speech."""


@dataclass(frozen=True)
class Answer:
    """What moves a script on."""

    heard: Understanding | None
    """None when time was the answer."""
    at: float
    """Seconds on the session's clock."""

    @property
    def intent(self) -> str | None:
        """The intent heard, or None."""
        return self.heard.intent if self.heard else None

    @property
    def text(self) -> str:
        """The words heard, or an empty string."""
        return self.heard.text if self.heard else ""

    @property
    def words(self) -> str:
        """The words heard in canonical form, or an empty string."""
        return canonical(self.text)

    def asks(self, line: str) -> bool:
        """Whether it is the wish or the question about us that this line answers."""
        return (
            self.heard is not None
            and self.heard.change is not None
            and (self.heard.change.line == line)
        )

    @property
    def readings(self) -> tuple[str, ...]:
        """The words heard, and what else they may have been."""
        return (self.heard.readings or (self.heard.text,)) if self.heard else ()


class Words(Protocol):
    """Where a script gets its words: a line of the pack by its name."""

    def __call__(self, name: str, /, *, softer: float = 0.0, **slots: str | int) -> Say:
        """One of the line's variants, not said lately.

        Args:
            name: A table of `_lines.toml` or `_safety.toml`.
            softer: dB under the present volume.
            slots: What stands for `{slot}` in the line; a number becomes a word.
        """
        ...


Flow = Generator[Ask | Until, Answer, None]
"""A running script."""
AnyFlow = Generator[Ask | Until, Answer, object]
"""A script that may be a part of another, to which it returns something."""
