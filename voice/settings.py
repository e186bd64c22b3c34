"""The person's settings: a TOML file in the platform's config folder."""

import os
import tempfile
import tomllib
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from lowtide.intents.acts import Act, Set
from lowtide.intents.person import BargeIn, Breath, Moment, Night, Patience, Person, Waking
from lowtide.voice.errors import BadFolder, BadSettings

LONGEST_NAME, LONGEST_PLAN = 40, 120
"""Characters."""


class Settings(BaseModel):
    """Everything that can be set; each has a default that works."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    microphone: str | None = None
    """A device's name, or a part of it that only one has."""
    speaker: str | None = None
    """A device's name, or a part of it that only one has."""
    engine: str = "auto"
    """auto, vosk, whisper or sphinx."""
    vosk_model: Path | None = None
    """An unpacked Vosk model of the person's own."""
    country: str | None = None
    """Two letters, for helpline numbers; never guessed."""
    patience: Patience = "normal"
    barge_in: BargeIn = "stop"
    """What gets through while our voice sounds: stop words and danger, or everything ("full": for
    headphones)."""
    waking: Waking = "open"
    """Listens at once; sleeps until "low tide" is said; or until a key or `lowtide poke`."""
    voice: str = ""
    """A voice id of pyttsx3."""
    ex_name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    """What the person calls their ex."""
    ex_word: Literal["him", "her", "them"] | None = None
    """The word for the ex where no name is wanted."""
    own_name: str | None = Field(default=None, min_length=1, max_length=LONGEST_NAME)
    """What the person is called; used only when it stands here."""
    plan: str | None = Field(default=None, min_length=1, max_length=LONGEST_PLAN)
    """What they will do when the urge comes: "I will put the kettle on"."""
    night: Night = "clock"
    """Softer and slower: off, on, or by the clock from ten at night to seven."""
    captions: bool = True
    """Whether a session shows what is heard and said."""
    journal: bool = False
    """Whether the person agreed to a journal."""
    breath: Breath = "words"
    """What marks a breath: words, or soft tones."""
    recording: Path | None = None
    """A sound file in the person's own voice or a friend's, three minutes at most."""
    recording_when: Moment = "asked"
    """When it is played: asked, at the second pull of a night, or when the number is strong."""

    def person(self) -> Person:
        """What the core may know."""
        known = {each.name: getattr(self, each.name) for each in fields(Person)}
        return Person(**known | {"recording": self.recording is not None})


def settings_file() -> Path:
    """`LOWTIDE_SETTINGS`, or the platform's config folder."""
    chosen = os.environ.get("LOWTIDE_SETTINGS")
    return Path(chosen) if chosen else user_config_path("lowtide") / "settings.toml"


def load() -> Settings:
    """Read the settings; without a file, the defaults.

    Raises:
        BadSettings: The file names a key or a value that is not known.
    """
    path = settings_file()
    try:
        return _valid(tomllib.loads(path.read_text("utf-8")), path)
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"{path}: can't be read: {error}") from error


def _valid(values: dict[str, Any], path: Path) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadSettings(f"{path}: {key}: {first['msg']}") from error


def keep(acts: Iterable[Act]) -> None:
    """Write what the person chose into the file; their own remarks in it stay.

    Raises:
        BadSettings: The file can't be read, or the value may not stand in it.
        BadFolder: It can't be written.
    """
    chosen = {act.key: act.value for act in acts if isinstance(act, Set)}
    if not chosen:
        return
    import tomlkit  # noqa: PLC0415 - only where something is written

    load()  # What can't be read is not written over.
    path = settings_file()
    document = tomlkit.parse(path.read_text("utf-8")) if path.exists() else tomlkit.document()
    for key, value in chosen.items():
        if value is not None:
            document[key] = value
        elif key in document:
            del document[key]
    _valid(document.unwrap(), path)
    _write(path, tomlkit.dumps(document))


def _write(path: Path, text: str) -> None:
    """All of it or nothing; nobody else may read it, for it may hold names."""
    try:
        path = path.resolve()  # What a link leads to is changed, and the link stays.
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, suffix=".part", delete=False
        ) as part:
            part.write(text)
        Path(part.name).replace(path)
    except OSError as error:
        raise BadFolder(f"{path}: the settings can't be kept ({error.strerror}).") from error
