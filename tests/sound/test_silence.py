"""Nobody speaks: nothing is said, nothing is decoded, and hardly anything is computed."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from room import Evening, Room

from lowtide.voice.ears import Ears
from lowtide.voice.engines import recogniser
from lowtide.voice.frames import RATE
from lowtide.voice.recording import Recording

Record = Callable[[str, object], None]


def pink(path: Path, seconds: float, decibels: float) -> Path:
    """Noise whose power falls by 3 dB an octave, like rain or a fan, at so many dBFS."""
    samples = round(seconds * RATE)
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(samples))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, samples)
    soundfile.write(path, noise / noise.std() * 10 ** (decibels / 20), RATE, subtype="PCM_16")
    return path


@pytest.fixture
def nobody(tmp_path: Path) -> list[Path]:
    """A minute of silence and a minute of rain."""
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(60 * RATE, np.int16), RATE)
    return [silence, pink(tmp_path / "rain.wav", 60, -30)]


def test_silence_and_rain_bring_no_reply(nobody: list[Path], lowtide: Callable[..., Any]) -> None:
    done = lowtide("hear", "--json", *nobody)
    assert (done.returncode, done.stdout) == (0, "")


def test_silence_and_rain_are_not_decoded(nobody: list[Path], record_property: Record) -> None:
    engine = recogniser("auto")
    for path in nobody:
        ears = Ears(engine)
        begun = time.process_time()
        utterances = [ears.hear(frame, 0.8) for frame in Recording(path)]
        share = (time.process_time() - begun) / 60
        record_property(f"CPU share in a minute of {path.stem}", f"{share:.1%} of one core")
        assert ears.decoded_frames == 0
        assert not any(utterances)
    engine.close()


@pytest.mark.sound
def test_a_session_in_a_quiet_room_computes_little(
    evening: Evening, room: Room, tmp_path: Path, record_property: Record
) -> None:
    with room.noise(pink(tmp_path / "room.wav", 60, -55)):
        evening.talk.greeting()
        begun, computed = time.monotonic(), evening.talk.cpu_seconds()
        time.sleep(20)
        share = (evening.talk.cpu_seconds() - computed) / (time.monotonic() - begun)
        status, _ = evening.talk.stop()
    record_property("CPU share of a session in a quiet room", f"{share:.1%} of one core")
    assert status == 0
    assert all(turn["text"] == "" for turn in evening.talk.rest())
    assert share < 0.2
