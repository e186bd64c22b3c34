"""A sound file as a source of frames, as fast as they can be worked."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr

from lowtide.voice.errors import BadRecording
from lowtide.voice.frames import RATE, Frame, Samples, framed

BLOCK = 8192
"""Samples read at a time."""


class Recording:
    """A readable sound file of any rate and number of channels.

    Raises:
        BadRecording: The file is missing, empty, or no sound libsndfile can read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise BadRecording(f"{path}: there is no such file.")
        if path.is_dir():
            raise BadRecording(f"{path}: is a folder; name a sound file.")
        try:
            about = soundfile.info(path)
        except (soundfile.LibsndfileError, OSError) as error:
            raise BadRecording(
                f"{path}: can't be read as sound; lowtide hears WAV, FLAC, OGG and MP3."
            ) from error
        if about.frames == 0:
            raise BadRecording(f"{path}: holds no sound.")
        self.seconds = float(about.duration)

    def __iter__(self) -> Iterator[Frame]:
        """Frames of the whole file, the last filled up with silence."""
        return framed(self._chunks())

    def _chunks(self) -> Iterator[Samples]:
        with soundfile.SoundFile(self.path) as sound:
            resample = soxr.ResampleStream(sound.samplerate, RATE, 1, dtype="int16")
            while True:
                block = sound.read(BLOCK, dtype="int16", always_2d=True)
                done = len(block) < BLOCK
                mono = block.mean(axis=1).astype(np.int16)
                if sound.samplerate == RATE:
                    yield mono
                else:
                    yield resample.resample_chunk(mono, last=done)
                if done:
                    return
