"""Sentences as samples: from the disk cache, else from synthesis."""

import hashlib
import os
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile

from lowtide.intents.acts import Say
from lowtide.voice.errors import BadFolder
from lowtide.voice.frames import Samples
from lowtide.voice.synthesis import LOUDNESS, PROMPT_RATE, Synthesis, Voice

SHAPE = 2
"""Raised when prompts come to be shaped differently, so that old ones are not used."""


class Prompts:
    """Everything that was ever said, kept by what decides its sound.

    Args:
        folder: Where the cache is, made when missing.
        synthesis: Speaks what is not in the cache.
        voice: Name and pitch; the rate comes with what is said.

    Raises:
        BadFolder: The folder can't be written.
    """

    def __init__(self, folder: Path, synthesis: Synthesis, voice: Voice | None = None) -> None:
        self._folder = writable(folder)
        self._synthesis = synthesis
        self._voice = voice or Voice()

    def render(self, say: Say) -> Samples:
        """A whole `Say` with its pauses and its volume, as samples of `PROMPT_RATE`."""
        pieces = []
        for part in say.parts:
            pieces.append(np.zeros(round(part.pause * PROMPT_RATE), np.int16))
            pieces.append(self.sentence(part.text, say.words_per_minute))
        return louder(np.concatenate(pieces), say.gain)

    def sentence(self, text: str, words_per_minute: int) -> Samples:
        """One sentence."""
        path = self._path(text, words_per_minute)
        if (kept := _read(path)) is not None:
            return kept
        voice = replace(self._voice, words_per_minute=words_per_minute)
        samples = self._synthesis.render(text, voice)
        _write(path, samples)
        return samples

    def missing(self, says: Iterable[Say]) -> list[tuple[str, int]]:
        """The sentences and their words a minute that are not in the cache, each once."""
        wanted = {(part.text, say.words_per_minute): None for say in says for part in say.parts}
        return [each for each in wanted if not self._path(*each).exists()]

    def _path(self, text: str, words_per_minute: int) -> Path:
        return self._folder / f"{self._key(text, words_per_minute)}.flac"

    def _key(self, text: str, words_per_minute: int) -> str:
        voice = f"{self._voice.name}|{words_per_minute}|{self._voice.pitch}"
        return hashlib.sha256(f"{SHAPE}|{LOUDNESS}|{voice}|{text}".encode()).hexdigest()[:32]


def louder(sound: Samples, gain: float) -> Samples:
    """Samples so many dB louder, or softer."""
    whole = sound.astype(np.float64) * 10 ** (gain / 20)
    samples: Samples = np.clip(whole, -32767, 32767).astype(np.int16)
    return samples


def _read(path: Path) -> Samples | None:
    try:
        samples, rate = soundfile.read(path, dtype="int16")
    except (soundfile.LibsndfileError, OSError):
        return None  # Not there, or cut short by a crash: it is spoken again.
    return samples if rate == PROMPT_RATE and samples.ndim == 1 else None


def _write(path: Path, samples: Samples) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as part:
        soundfile.write(part, samples, PROMPT_RATE, format="FLAC", subtype="PCM_16")
    Path(part.name).replace(path)


def writable(folder: Path) -> Path:
    """The folder, made when missing.

    Raises:
        BadFolder: It can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise BadFolder(
            f"{folder}: the cache folder can't be written ({error.strerror}); "
            "make it writable, or set LOWTIDE_CACHE to another one."
        ) from error


def cache_folder() -> Path:
    """Where prompts are kept."""
    return cache_root() / "prompts"


def cache_root() -> Path:
    """The person's cache folder, or `LOWTIDE_CACHE`."""
    from platformdirs import user_cache_path  # noqa: PLC0415 - not needed with LOWTIDE_CACHE

    chosen = os.environ.get("LOWTIDE_CACHE")
    return Path(chosen) if chosen else user_cache_path("lowtide")
