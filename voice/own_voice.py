"""A recording in the person's own voice, or a friend's: read, levelled, and made by voice.

microphone ──► Recorder ──► ears        the frames of one utterance can be kept
                   └─────► recording.wav
"""

import os
import re
import shlex
from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
import soxr
from platformdirs import user_data_path

from lowtide.intents.events import Utterance
from lowtide.voice.errors import BadFolder, BadRecording
from lowtide.voice.frames import FRAME_SECONDS, RATE, Frame, FrameSource, Samples
from lowtide.voice.synthesis import LOUDEST_PEAK, LOUDNESS, PROMPT_RATE

LONGEST = 180.0
"""Seconds of a recording: it is for one hard moment."""
BEFORE, AFTER = 0.3, 0.3
"""Seconds kept around what was said, so that no syllable is cut."""
AT_HAND = 100.0
"""Seconds of sound that can wait for the utterance to end: longer than the longest one."""
BLOCK = 0.4
"""Seconds over which loudness is measured, as in ITU-R BS.1770."""
GATE = -50.0
"""dBFS under which a block is a pause and does not count."""


def named(words: str) -> Path:
    """A file as people type it, or drop it into a terminal: quoted, with "~", or as a URL."""
    try:
        parts = shlex.split(words)
    except ValueError:  # "mum's voice.wav"
        parts = []
    typed = parts[0] if len(parts) == 1 else words.strip()
    if typed.startswith("file://"):
        plain = re.sub(rb"%([0-9A-Fa-f]{2})", _byte, typed.removeprefix("file://").encode())
        typed = plain.decode("utf-8", errors="replace")
    return Path(typed).expanduser()


def _byte(escaped: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escaped[1].decode())


def copied(path: Path) -> Path:
    """A sound file taken for the recording: a copy, so that it can be deleted as one made here.

    Raises:
        BadRecording: It is missing, too long, or no sound.
        BadFolder: The copy can't be written.
    """
    written(recording_file(), levelled(path), PROMPT_RATE)
    return recording_file()


def recording_file() -> Path:
    """Where a recording made by voice is: `LOWTIDE_RECORDING`, or the person's data folder."""
    chosen = os.environ.get("LOWTIDE_RECORDING")
    return Path(chosen) if chosen else user_data_path("lowtide") / "recording.wav"


def levelled(path: Path) -> Samples:
    """A sound file as samples of `PROMPT_RATE`, about as loud as a prompt, at its edges soft.

    Raises:
        BadRecording: It is missing, too long, or no sound.
    """
    if not path.exists():
        raise BadRecording(f"{path}: the recording is not there; set another, or none.")
    try:
        sound, rate = soundfile.read(path, always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise BadRecording(f"{path}: can't be read as sound.") from error
    if len(sound) > LONGEST * rate:
        raise BadRecording(f"{path}: is longer than three minutes; give a shorter one.")
    mono = soxr.resample(sound.mean(axis=1), rate, PROMPT_RATE)
    block = int(BLOCK * PROMPT_RATE)
    blocks = np.pad(mono, (0, -len(mono) % block)).reshape(-1, block)
    power = np.mean(blocks**2, axis=1)
    spoken = power[power > 10 ** (GATE / 10)]
    if not len(spoken):
        raise BadRecording(f"{path}: holds no sound that could be heard.")
    gain = 10 ** (LOUDNESS / 20) / float(np.sqrt(np.mean(spoken)))
    gain = min(gain, LOUDEST_PEAK / float(np.abs(mono).max()))
    fade = np.minimum(1.0, np.arange(len(mono)) / (0.05 * PROMPT_RATE))
    samples: Samples = (mono * gain * fade * fade[::-1] * 32767).astype(np.int16)
    return samples


def written(path: Path, sound: Samples, rate: int) -> None:
    """Write a recording for its owner alone, all of it or nothing.

    Raises:
        BadFolder: It can't be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        soundfile.write(part, sound, rate, format="WAV", subtype="PCM_16")
        part.replace(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise BadFolder(f"{path}: the recording can't be kept.") from error


class Recorder:
    """Frames on their way to the ears; when asked, those of the next utterance are kept at hand.

    Args:
        source: Where the frames come from.
    """

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._frames: deque[Frame] = deque(maxlen=round(AT_HAND / FRAME_SECONDS))
        self._now = 0.0
        self._since: float | None = None
        self._sound: Samples | None = None

    def __iter__(self) -> Iterator[Frame]:
        """The frames, as they come."""
        for frame in self._source:
            self._now = frame.end
            if self._since is not None:
                self._frames.append(frame)
            yield frame

    def record(self) -> None:
        """Keep the next utterance at hand."""
        self._frames.clear()
        self._since, self._sound = self._now, None

    def heard(self, utterance: Utterance) -> None:
        """An utterance has ended; if it is the one to record, its sound is cut out."""
        if self._since is None or utterance.start < self._since:
            return
        first, last = utterance.start - BEFORE, utterance.end + AFTER
        kept = [each.samples for each in self._frames if first <= each.end <= last]
        self._sound = np.concatenate(kept) if kept else None
        self._since = None
        self._frames.clear()

    def keep(self, path: Path) -> None:
        """Write it for its owner alone; there is nothing to do when nothing was recorded.

        Raises:
            BadFolder: It can't be written.
        """
        if self._sound is None:
            return
        written(path, self._sound, RATE)
        self._sound = None
