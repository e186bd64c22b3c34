"""Synthetic speech with the phone of every frame, as the network learns it.

flite and espeak-ng speak each sentence; PocketSphinx says which phone stands where; a room, noise
and another loudness are laid over it; 40 cepstral coefficients are taken every 10 ms.
"""

import random
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from tiny_vosk.phones import PHONES

Sound = NDArray[np.float32]
"""16 kHz mono; full scale is 32767, as Kaldi counts."""

RATE = 16_000
STEP = RATE // 100
FLITE = ("slt", "rms", "awb")
ESPEAK = ("", "+m1", "+m3", "+m7", "+f1", "+f2", "+f3", "+f5")
"""Variants of espeak-ng's en-us."""
TIMES_FLITE, TIMES_ESPEAK = 1, 2
"""How often a sentence is spoken by each voice of flite, and by variants of espeak-ng."""
SILENCES = 200
"""Recordings of no speech at all."""


@dataclass(frozen=True)
class Utterance:
    """What the network learns from."""

    features: NDArray[np.float16]
    """A row each 10 ms, 40 cepstral coefficients."""
    phones: NDArray[np.int8]
    """Of each frame, as an index into `PHONES`."""
    first: NDArray[np.bool_]
    """Whether a phone begins with the frame."""


def utterances(sentences: Sequence[str], workers: int) -> Iterator[Utterance]:
    """Every sentence in several voices; what PocketSphinx can't align is left out."""
    jobs = [
        (voice, sentence, number * 100 + copy)
        for number, sentence in enumerate(sentences)
        for copy, voice in enumerate(_voices(number))
    ]
    with ProcessPoolExecutor(workers, initializer=_prepare) as pool:
        for done in pool.map(_utterance, jobs, chunksize=16):
            if done is not None:
                yield done
    chance = random.Random(0)
    for _ in range(SILENCES):
        yield _silence(chance)


def speak(voice: str, text: str, folder: Path, pace: float = 1.0, pitch: int = 50) -> Sound:
    """One sentence by "flite slt", "espeak-ng en-us+f2", …; pitch is espeak's, 0 to 99."""
    path = folder / "spoken.wav"
    program, name = voice.split()
    if program == "flite":
        options = ["-voice", name, "--setf", f"duration_stretch={1 / pace:.3f}"]
        subprocess.run(["flite", *options, "-t", text, "-o", path], check=True)
    else:
        options = ["-v", name, "-s", str(round(155 * pace)), "-p", str(pitch)]
        subprocess.run(["espeak-ng", *options, "-w", path, text], check=True)
    sound, rate = soundfile.read(path, dtype="float32")
    return soxr.resample(sound, rate, RATE) * np.float32(32767)


def features(sound: Sound) -> NDArray[np.float32]:
    """As `conf/mfcc.conf` has it (`MFCC` in vosk_model.py)."""
    import kaldi_native_fbank as fbank  # noqa: PLC0415 - only the training has it

    options = fbank.MfccOptions()
    options.frame_opts.samp_freq = RATE
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = options.num_ceps = 40
    options.mel_opts.low_freq, options.mel_opts.high_freq = 20, -400
    options.use_energy = False
    online = fbank.OnlineMfcc(options)
    online.accept_waveform(RATE, sound.tolist())
    online.input_finished()
    return np.stack([online.get_frame(number) for number in range(online.num_frames_ready)])


def _voices(number: int) -> Iterator[str]:
    for _ in range(TIMES_FLITE):
        yield from (f"flite {name}" for name in FLITE)
    for copy in range(TIMES_ESPEAK):
        yield f"espeak-ng en-us{ESPEAK[(number * TIMES_ESPEAK + copy) % len(ESPEAK)]}"


class _Aligner:
    """Says when each phone of known words is spoken."""

    def __init__(self) -> None:
        from pocketsphinx import Decoder  # noqa: PLC0415 - only the workers load it

        self._decoder: Any = Decoder(lm=None, loglevel="FATAL", bestpath=False)

    def align(self, sound: Sound, text: str) -> list[tuple[str, int, int]]:
        """Phones with start and length in frames; empty where it does not fit."""
        samples = sound.astype(np.int16).tobytes()
        self._decoder.set_align_text(text)
        self._run(samples)
        if self._decoder.hyp() is None:
            return []
        self._decoder.set_alignment()
        self._run(samples)
        aligned = self._decoder.get_alignment() or ()
        return [(phone.name, phone.start, phone.duration) for word in aligned for phone in word]

    def _run(self, samples: bytes) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw(samples, full_utt=True)
        self._decoder.end_utt()


_of_this_worker: list[_Aligner] = []


def _prepare() -> None:
    _of_this_worker.append(_Aligner())


def _utterance(job: tuple[str, str, int]) -> Utterance | None:
    voice, text, seed = job
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        pace, pitch = chance.uniform(0.82, 1.2), chance.randint(30, 70)
        sound = speak(voice, text, Path(folder), pace, pitch)
    if chance.random() < 0.5:
        # Faster and higher, or slower and lower: another throat.
        sound = soxr.resample(sound, RATE, RATE * chance.uniform(0.9, 1.1))
    sound = np.concatenate([_pause(chance), sound, _pause(chance)])
    aligned = _of_this_worker[0].align(sound, text)
    if not aligned:
        return None
    taken = features(_somewhere_else(sound, chance))
    phones, first = np.zeros(len(taken), np.int8), np.zeros(len(taken), np.bool_)
    for name, start, length in aligned:
        phones[start : start + length] = PHONES.index(name) if name in PHONES else 0
        first[start : start + 1] = True
    return Utterance(taken.astype(np.float16), phones, first)


def _pause(chance: random.Random) -> Sound:
    return np.zeros(int(RATE * chance.uniform(0.05, 0.5)), np.float32)


def _silence(chance: random.Random) -> Utterance:
    sound = _noise(int(RATE * chance.uniform(0.5, 3.0)), chance) * 10 ** chance.uniform(-1, 3)
    if chance.random() < 0.3:
        sound[: len(sound) // 2] = 0
    taken = features(np.clip(np.round(sound), -32768, 32767).astype(np.float32))
    first = np.arange(len(taken)) == 0
    return Utterance(taken.astype(np.float16), np.zeros(len(taken), np.int8), first)


def _somewhere_else(sound: Sound, chance: random.Random) -> Sound:
    """In a room sometimes, at another loudness, with noise mostly."""
    if chance.random() < 0.25:
        sound = _in_room(sound, chance)
    sound = sound / (np.abs(sound).max() + 1e-6) * 10 ** chance.uniform(-1.3, -0.05) * 32767
    if chance.random() < 0.6:
        power = float(np.sqrt(np.mean(sound**2)))
        noise = _noise(len(sound), chance)
        sound = sound + noise * power * 10 ** (-chance.uniform(8, 40) / 20)
    return np.clip(np.round(sound), -32768, 32767).astype(np.float32)


def _in_room(sound: Sound, chance: random.Random) -> Sound:
    """Through an echo that dies away within 0.1 to 0.35 s."""
    count = int(RATE * chance.uniform(0.1, 0.35))
    echo = np.random.default_rng(chance.getrandbits(32)).standard_normal(count)
    echo *= np.exp(-6.9 * np.arange(count) / count) * chance.uniform(0.02, 0.12)
    echo[0] = 1.0
    size = len(sound) + count
    heard = np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(echo, size), size)
    return heard[: len(sound)].astype(np.float32)


def _noise(count: int, chance: random.Random) -> Sound:
    """White, pink or brown, of power 1."""
    spectrum = np.fft.rfft(np.random.default_rng(chance.getrandbits(32)).standard_normal(count))
    frequencies = np.maximum(np.arange(len(spectrum)), 1.0)
    noise = np.fft.irfft(spectrum / frequencies ** chance.choice((0.0, 0.5, 1.0)), count)
    return (noise / (noise.std() + 1e-9)).astype(np.float32)
