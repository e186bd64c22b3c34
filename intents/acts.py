"""What the core can ask for, as plain data."""

from dataclasses import dataclass
from typing import Literal

BETWEEN_SENTENCES = 0.6
"""Seconds; safety.md section 1.2."""
BEFORE_ACTION = 1.0
"""Seconds; safety.md section 1.2."""


@dataclass(frozen=True)
class Part:
    """One sentence and the pause before it."""

    text: str
    pause: float = 0.0
    """Seconds of silence before the sentence."""


@dataclass(frozen=True)
class Say:
    """Speak these sentences, one after the other."""

    parts: tuple[Part, ...]
    words_per_minute: int = 135
    gain: float = 0.0
    """dB relative to the loudness prompts are made for."""
    private: bool = False
    """Whether it may be overheard, and so is never said again on "say that again"."""
    offers: tuple[str, ...] = ()
    """Intents that these words offer: a "yes" takes the first, its name takes any of them."""

    @property
    def text(self) -> str:
        """The sentences as one line."""
        return " ".join(part.text for part in self.parts)


@dataclass(frozen=True)
class Stop:
    """Be silent now, whatever sounds."""


@dataclass(frozen=True)
class Cue:
    """A soft tone for a breath, where no words are wanted for it."""

    breath: Literal["in", "out"]
    gain: float = 0.0
    """dB relative to the loudness prompts are made for."""


@dataclass(frozen=True)
class Play:
    """Play the recording that the person gave or made for a hard moment."""

    gain: float = 0.0
    """dB relative to the loudness prompts are made for."""


@dataclass(frozen=True)
class Record:
    """Keep the sound of the next utterance at hand; nothing of it is written yet."""


@dataclass(frozen=True)
class KeepRecording:
    """Write that sound down: it becomes the recording that `Play` plays."""

    file: str | None = None
    """A sound file that was named instead, to be copied."""


@dataclass(frozen=True)
class KeepLetter:
    """Write down a letter, because the person said so."""

    text: str


@dataclass(frozen=True)
class Note:
    """Something worth remembering, where the person has agreed to it; never words."""

    what: str
    """"heard", "rated_before", "rated_after", "slip" or "flow"."""
    about: str
    """An intent, or the name of a flow."""
    value: int | None = None
    """A rating from 0 to 10."""


@dataclass(frozen=True)
class Forget:
    """Delete what was noted and the letters that were kept in this session, for real."""

    only: Literal["letter"] | None = None
    """The last letter, and nothing else."""


@dataclass(frozen=True)
class Set:
    """Change a setting of the person's, and keep it."""

    key: str
    value: str | float | bool | None


Act = Say | Stop | Cue | Play | Record | KeepRecording | KeepLetter | Note | Forget | Set


def sentences(*texts: str) -> tuple[Part, ...]:
    """Parts with the pause between sentences before all but the first."""
    return tuple(
        Part(text, BETWEEN_SENTENCES if number else 0.0) for number, text in enumerate(texts)
    )


_WRITTEN = {
    Record: ("record", "recording"),
    KeepRecording: ("keep", "recording"),
    KeepLetter: ("keep", "letter"),
}


def as_json(act: Act) -> dict[str, object]:
    """One act in the form of DESIGN.md section 4; no word of a letter is in it."""
    written: dict[str, object]
    match act:
        case Say():
            written = {
                "say": act.text,
                "words_per_minute": act.words_per_minute,
                "gain": act.gain,
            }
        case Stop():
            written = {"stop": True}
        case Cue(breath, gain):
            written = {"breathe": breath, "gain": gain}
        case Play(gain):
            written = {"play": "recording", "gain": gain}
        case Record() | KeepRecording() | KeepLetter():
            written = {_WRITTEN[type(act)][0]: _WRITTEN[type(act)][1]}
        case Note(what, about, value):
            written = {"note": what, "about": about, "value": value}
        case Forget():
            written = {"forget": True}
        case Set(key, value):
            written = {"set": key, "value": value}
    return written
