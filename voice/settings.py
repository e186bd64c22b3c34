"""The person's settings: a TOML file in the platform's config folder."""

import os
import tomllib
from pathlib import Path

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, ValidationError

from lowtide.voice.errors import BadSettings
from lowtide.voice.turns import Patience


class Settings(BaseModel):
    """Everything that can be set; each has a default that works."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    microphone: str | None = None
    """A device's name, or a part of it that only one has."""
    speaker: str | None = None
    """A device's name, or a part of it that only one has."""
    engine: str = "auto"
    """auto, vosk or sphinx."""
    vosk_model: Path | None = None
    """An unpacked Vosk model of the person's own."""
    country: str | None = None
    """Two letters, for helpline numbers; never guessed."""
    patience: Patience = "normal"
    voice: str = ""
    """A voice id of pyttsx3."""


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
        return Settings.model_validate(tomllib.loads(path.read_text("utf-8")))
    except FileNotFoundError:
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSettings(f"{path}: can't be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise BadSettings(f"{path}: {key}: {first['msg']}") from error
