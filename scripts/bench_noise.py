"""Measure how well it hears a soft voice, one from across a room, and one beside a noise.

    scripts/bench noise [--audio FOLDER] [--lines N] [--only PART …] [--json]

Parts: soft, rooms, noises. Each line is spoken by two voices of flite (whispered by espeak-ng's)
and goes through a whole session on the virtual clock. *Right*: its intent was answered; *wrong*: a
reframe or a flow for something else was begun; *lost*: nothing was answered. Noises are mixed in
20, 10 and 5 dB below the voice; snoring and crying are made here, the others are recordings.
`--audio` is a folder with rooms, noise and other_speech in it.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soundfile
import soxr
from bench_peers import starts
from bench_realtime import LINES, Bench, turns_of
from numpy.typing import NDArray
from scipy.signal import butter, fftconvolve, lfilter

from lowtide.voice.frames import FRAME_SAMPLES, RATE, Samples, framed
from lowtide.voice.speaker import Timeline

Sound = NDArray[np.float64]

VOICES = ("rms", "slt")
WHISPERS = ("en+whisper", "en+whisperf")
USUAL, SOFT, SOFTER, WHISPERED = -26.0, -40.0, -50.0, -45.0
"""dBFS of a voice while it speaks: at arm's length, and from under a blanket."""
ROOM = -70.0
"""dBFS of a quiet room."""
SNRS = (20, 10, 5)
ACTIVE = 30.0
"""dB under the loudest frame down to which a frame is speech."""
LEAD, TAIL = 2.0, 3.0
"""Seconds of the room before and after a line."""
RECORDED = {
    "fan": "noise/*ceiling-fan.flac",
    "rain": "noise/*heavy-rain.flac",
    "washing machine": "noise/*washing-machine.flac",
    "street": "noise/*busy-street.flac",
    "café": "noise/*places_cafe.flac",
    "television": "other_speech/*.flac",
}


@dataclass(frozen=True)
class Figures:
    """Shares in percent of what was said."""

    said: int
    right: float
    wrong: float
    lost: float


Said = Iterator[tuple[str, Samples]]
"""Words, and their sound in a room."""


def soft(bench: Bench) -> Iterator[tuple[str, Said]]:
    """A quiet room, and how softly somebody speaks in it."""
    for name, level in (("usual", USUAL), ("soft", SOFT), ("softer", SOFTER)):
        yield (
            f"{name}, {level:.0f} dBFS",
            ((line, in_room(voice, level, None, 0)) for line, voice in _spoken(bench)),
        )
    yield (
        f"whispered, {WHISPERED:.0f} dBFS",
        (
            (line, in_room(_whispered(bench, line, who), WHISPERED, None, 0))
            for line in LINES[: bench.lines]
            for who in WHISPERS
        ),
    )


def rooms(bench: Bench) -> Iterator[tuple[str, Said]]:
    """From across the rooms whose impulse responses there are."""
    for path in sorted(bench.audio.glob("rooms/*.flac")):
        echoes = _read(path)
        yield (
            path.stem,
            (
                (line, in_room(fftconvolve(voice, echoes), USUAL, None, 0))
                for line, voice in _spoken(bench)
            ),
        )


def noises(bench: Bench) -> Iterator[tuple[str, Said]]:
    """Beside each noise, at each distance."""
    found: dict[str, Sequence[Sound]] = {
        name: [_read(path) for path in sorted(bench.audio.glob(pattern))[: bench.files]]
        for name, pattern in RECORDED.items()
    }
    made = {"snoring": [snoring()], "crying": [crying()]}
    for name, sounds in (found | made).items():
        for snr in SNRS:
            yield (
                f"{name}, {snr} dB",
                (
                    (line, in_room(voice, USUAL, sounds[at % len(sounds)], snr))
                    for at, (line, voice) in enumerate(_spoken(bench))
                ),
            )


PARTS: dict[str, Callable[[Bench], Iterator[tuple[str, Said]]]] = {
    "soft": soft, "rooms": rooms, "noises": noises,
}  # fmt: skip

NEEDED = {"rooms": ["rooms/*.flac"], "noises": list(RECORDED.values())}


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        "bench noise", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--audio", type=Path, default=Path("../shared/data/audio"))
    parser.add_argument("--lines", type=int, default=len(LINES))
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args(arguments)
    for part in asked.only:
        if not all(list(asked.audio.glob(pattern)) for pattern in NEEDED.get(part, ())):
            print(f"bench noise: {asked.audio} has not all of {NEEDED[part]}", file=sys.stderr)
            return 1
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(asked.audio, files=12, lines=asked.lines, folder=Path(folder))
        try:
            for part in asked.only:
                for name, said in PARTS[part](bench):
                    figures[name] = asdict(_figures(bench, said))
                    if not asked.json:
                        print(f"{name:<28} {figures[name]}", flush=True)
        finally:
            bench.engine.close()
            bench.synthesis.close()
    if asked.json:
        print(json.dumps(figures, indent=1))
    return 0


def _figures(bench: Bench, said: Said) -> Figures:
    outcomes = [_outcome(bench, line, sound) for line, sound in said]
    return Figures(
        len(outcomes),
        *(
            round(100 * outcomes.count(what) / len(outcomes), 1)
            for what in ("right", "wrong", "lost")
        ),
    )


def _outcome(bench: Bench, line: str, sound: Samples) -> str:
    [wanted] = {intent for intent, phrase in bench.pack.phrases() if phrase == line}
    turns = turns_of(bench.session(Timeline()).converse(framed([sound])))
    intents = [turn.understanding.intent for turn in turns if turn.understanding]
    if wanted in intents:
        return "right"
    return "wrong" if any(starts(each, bench.pack) for each in intents) else "lost"


# Sound --------------------------------------------------------------------------------------------


def in_room(voice: Sound, level: float, noise: Sound | None, snr: float) -> Samples:
    """A voice with the room around it.

    Args:
        voice: What is said.
        level: dBFS of the voice while it speaks.
        noise: What is heard beside it, repeated to the end; None for a quiet room.
        snr: dB of the voice over the noise.
    """
    voice = voice * 10 ** ((level - active_level(voice)) / 20)
    sound = np.pad(voice, (int(LEAD * RATE), int(TAIL * RATE)))
    random = np.random.default_rng(len(voice))
    sound += random.standard_normal(len(sound)) * 10 ** (ROOM / 20)
    if noise is not None:
        beside = np.resize(np.roll(noise, -int(random.integers(len(noise)))), len(sound))
        sound += beside * 10 ** ((level - snr - active_level(beside)) / 20)
    return (np.clip(sound, -1, 1) * 32767).astype(np.int16)


def active_level(sound: Sound) -> float:
    """DBFS of a sound where it is not silent."""
    frames = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    levels = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-12)
    return float(10 * np.log10(np.mean(10 ** (levels[levels > levels.max() - ACTIVE] / 10))))


def snoring() -> Sound:
    """A rough breath in every four seconds: pulses of 60 Hz and hiss, through a nose."""
    seconds = np.arange(8 * RATE) / RATE
    breath = np.clip(np.sin(2 * np.pi * seconds / 4), 0, None)
    pulses = np.clip(np.sin(2 * np.pi * 60 * seconds), 0, None) ** 8
    hiss = np.random.default_rng(4).standard_normal(len(seconds))
    numerator, denominator = butter(2, (100, 900), "bandpass", fs=RATE)
    return np.asarray(lfilter(numerator, denominator, breath * pulses * (1 + 0.5 * hiss)))


def crying() -> Sound:
    """Sobs: short falling tones that tremble, in groups, with a drawn breath between them."""
    seconds = np.arange(6 * RATE) / RATE
    sob = np.clip(np.sin(2 * np.pi * 2.2 * seconds), 0, None) * (seconds % 3 < 2)
    pitch = 420 - 80 * (seconds * 2.2 % 1) + 12 * np.sin(2 * np.pi * 7 * seconds)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(number * phase) / number for number in range(1, 9))
    breath = np.random.default_rng(5).standard_normal(len(seconds)) * (seconds % 3 > 2.2)
    return np.asarray(sob * voice + 0.15 * breath)


def _spoken(bench: Bench) -> Iterator[tuple[str, Sound]]:
    for line in LINES[: bench.lines]:
        for voice in VOICES:
            yield line, bench.spoken(line, voice).astype(np.float64) / 32768


def _whispered(bench: Bench, line: str, voice: str) -> Sound:
    path = bench.folder / f"{voice} {line}.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-w", path, line], check=True)
    return _read(path)


def _read(path: Path) -> Sound:
    sound, rate = soundfile.read(path, always_2d=True)
    return np.asarray(soxr.resample(sound.mean(axis=1), rate, RATE))
