"""Score labelled utterances as they are after speech: spoken, heard, recognised, understood.

    scripts/bench spoken [FILE…] [--rows N] [--voices slt,rms] [--noise FOLDER] [--snr 10]
                         [--engine whisper] [--save FILE] [--json]

Each row is spoken by every voice of flite, mixed with noise where a folder of it is given, and goes
through voice activity, turns and the recogniser as a recording does; beside it stands what the
same words give when they are typed. In files with tiers (safety_test.jsonl) only the rows of danger
are spoken, and right means tier A or B.
"""

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program sets it, before numpy is there

import numpy as np
from bench_peers import Row, read_rows, some, starts
from bench_understanding import HELD_OUT, NONE
from rapidfuzz.distance import Levenshtein

from lowtide.intents.events import Hypothesis, Understanding
from lowtide.intents.pack import Pack, load
from lowtide.intents.text import tidy
from lowtide.intents.understanding import Understander
from lowtide.voice.ears import Ears
from lowtide.voice.engines import ENGINES, recogniser
from lowtide.voice.errors import Trouble
from lowtide.voice.frames import FRAME_SAMPLES, RATE, Frame, Samples, framed
from lowtide.voice.packs import understander
from lowtide.voice.recording import Recording
from lowtide.voice.turns import JUDGED_AFTER, PATIENCE

ROWS = 50
"""Of each file: three files and two voices end in a few minutes."""
AT_ONCE = 2
"""Voices; PocketSphinx is a process each, and Vosk lets go of the interpreter."""
LEAD, TAIL = 0.5, 2.5
"""Seconds of room before and after the words; the tail outlasts the longest patience."""


@dataclass(frozen=True)
class Room:
    """Where the rows are spoken."""

    noises: tuple[Path, ...]
    """Sound files; empty for silence."""
    snr: float
    """Decibels of speech over noise."""


@dataclass(frozen=True)
class Spoken:
    """One row, said once."""

    row: Row
    voice: str
    heard: tuple[tuple[Hypothesis, ...], ...]
    """The readings of each utterance that was heard in it."""
    typed_as: str
    """The intent of the words as they are written."""
    heard_as: str
    """The intent of what was heard."""
    typed_right: bool
    heard_right: bool

    @property
    def text(self) -> str:
        """The best readings, one after the other."""
        return " ".join(readings[0].text for readings in self.heard if readings)


@dataclass(frozen=True)
class Figures:
    """One file's figures; shares in percent of what was spoken."""

    spoken: int
    typed_right: float
    heard_right: float
    lost: float
    """Points from typed to heard."""
    typed_wrong_starts: float
    heard_wrong_starts: float
    word_errors: float
    """Per 100 words."""


def main(arguments: Sequence[str]) -> int:
    """Print the figures of each file."""
    asked = _asked(arguments)
    if not shutil.which("flite"):
        print("bench spoken: flite is missing; install it: apt-get install flite", file=sys.stderr)
        return 1
    noises = tuple(sorted(asked.noise.iterdir())) if asked.noise else ()
    pack = load()
    files = {path.name: some(_worth_saying(read_rows(path)), asked.rows) for path in asked.files}
    reader, room = understander(pack), Room(noises, asked.snr)
    voices = asked.voices.split(",")
    try:
        spoken = {
            name: list(_said(rows, voices, lambda: Listener(asked.engine, reader, room)))
            for name, rows in files.items()
        }
    except Trouble as trouble:
        print(f"bench spoken: {trouble}", file=sys.stderr)
        return 1
    if asked.save:
        _save(spoken, asked.save)
    figures = {name: asdict(_figures(each, pack)) for name, each in spoken.items()}
    if asked.json:
        print(json.dumps(figures, indent=1))
    else:
        _show(figures)
    return 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "bench spoken", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, default=HELD_OUT)
    parser.add_argument("--rows", type=int, default=ROWS, help="of each file; 0 for all")
    parser.add_argument("--voices", default="slt,rms")
    parser.add_argument("--noise", type=Path, help="folder of sound files to mix in")
    parser.add_argument("--snr", type=float, default=10.0, help="decibels of speech over noise")
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    parser.add_argument("--save", type=Path, help="keep what was heard as JSONL")
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    return parser.parse_args(arguments)


def _worth_saying(rows: list[Row]) -> list[Row]:
    danger = [row for row in rows if row.danger]
    return danger or rows


def _said(
    rows: Sequence[Row], voices: Sequence[str], listener: Callable[[], "Listener"]
) -> Iterator[Spoken]:
    """Every row said by every voice, each voice in a session of its own."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        for spoken in pool.map(lambda voice: listener().hear_all(rows, voice), voices):
            yield from spoken


class Listener:
    """A session with one speaker: what the recogniser learns of the voice stays in it."""

    def __init__(self, engine: str, reader: Understander, room: Room) -> None:
        self._engine = recogniser(engine)
        self._ears = Ears(self._engine)
        self._reader = reader
        self._room = room

    def hear_all(self, rows: Sequence[Row], voice: str) -> list[Spoken]:
        """Every row said by one voice, in order."""
        try:
            return [self._spoken(row, voice) for row in rows]
        finally:
            self._engine.close()

    def _spoken(self, row: Row, voice: str) -> Spoken:
        sound = _in_room(_samples(_speech(row.text, voice)), self._room, f"{voice} {row.text}")
        heard = tuple(self._hear(sound))
        typed = self._reader.understand([Hypothesis(row.text)])
        understood = _together([self._reader.understand(readings) for readings in heard])
        return Spoken(
            row=row,
            voice=voice,
            heard=heard,
            typed_as=typed.intent,
            heard_as=understood.intent if understood else NONE,
            typed_right=_right(row, typed),
            heard_right=_right(row, understood),
        )

    def _hear(self, sound: Samples) -> Iterator[tuple[Hypothesis, ...]]:
        self._ears = Ears(self._engine)
        for frame in _and_silence(framed([sound]), self._ears):
            if (utterance := self._ears.hear(frame, self._patience())) and utterance.text:
                yield utterance.hypotheses

    def _patience(self) -> float:
        """As in a session: by what was said so far."""
        if self._ears.silence < JUDGED_AFTER:
            return PATIENCE["normal"]["unknown"]
        text = self._ears.recogniser.partial()
        return PATIENCE["normal"][self._reader.completeness(text)]


def _and_silence(frames: Iterator[Frame], ears: Ears) -> Iterator[Frame]:
    """The frames, and silence as long as an utterance is open."""
    index = -1
    for frame in frames:
        index = frame.index
        yield frame
    while ears.hearing:
        index += 1
        yield Frame(index, np.zeros(FRAME_SAMPLES, np.int16))


def _together(parts: Sequence[Understanding]) -> Understanding | None:
    """What a row comes to that was heard in parts: danger first, then what is understood first."""
    alarms = [part for part in parts if part.alarm]
    understood = [part for part in parts if part.intent != NONE]
    return next(iter([*alarms, *understood, *parts]), None)


def _right(row: Row, understood: Understanding | None) -> bool:
    if row.danger:
        return bool(understood and understood.tier)
    return (understood.intent if understood else NONE) in row.acceptable


# Sound --------------------------------------------------------------------------------------------


def _speech(text: str, voice: str) -> Path:
    """The text spoken by flite, kept for the next run."""
    folder = Path(tempfile.gettempdir()) / "lowtide-bench-spoken"
    folder.mkdir(exist_ok=True)
    path = folder / f"{voice}-{hashlib.sha256(text.encode()).hexdigest()[:24]}.wav"
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}.part")
        subprocess.run(["flite", "-voice", voice, "-t", text, "-o", part], check=True)
        part.replace(path)
    return path


def _samples(path: Path) -> Samples:
    return np.concatenate([frame.samples for frame in Recording(path)])


def _in_room(speech: Samples, room: Room, what: str) -> Samples:
    """Speech with room before and after it; which noise, and where in it, follows from `what`."""
    sound = np.pad(speech, (int(LEAD * RATE), int(TAIL * RATE))).astype(np.float64)
    if room.noises:
        number = int.from_bytes(hashlib.sha256(what.encode()).digest()[:6], "big")
        noise = _samples(room.noises[number % len(room.noises)]).astype(np.float64)
        noise = np.resize(np.roll(noise, -(number % len(noise))), len(sound))
        louder = _power(speech) / max(_power(noise), 1e-9)
        sound += noise * np.sqrt(louder / 10 ** (room.snr / 10))
    return np.clip(sound, -32768, 32767).astype(np.int16)


def _power(samples: np.ndarray[tuple[int], np.dtype[np.generic]]) -> float:
    return float(np.mean(np.square(samples.astype(np.float64))))


# Figures ------------------------------------------------------------------------------------------


def _figures(spoken: Sequence[Spoken], pack: Pack) -> Figures:
    typed, heard = (
        _percent([getattr(each, name) for each in spoken])
        for name in ("typed_right", "heard_right")
    )
    harmless = [each for each in spoken if NONE in each.row.acceptable]
    words = [(tidy(each.row.text).split(), tidy(each.text).split()) for each in spoken]
    errors = sum(Levenshtein.distance(said, got) for said, got in words)
    return Figures(
        spoken=len(spoken),
        typed_right=typed,
        heard_right=heard,
        lost=round(typed - heard, 2),
        typed_wrong_starts=_wrong_starts([(each.row, each.typed_as) for each in harmless], pack),
        heard_wrong_starts=_wrong_starts([(each.row, each.heard_as) for each in harmless], pack),
        word_errors=round(100 * errors / max(1, sum(len(said) for said, _ in words)), 1),
    )


def _wrong_starts(answers: Sequence[tuple[Row, str]], pack: Pack) -> float:
    return _percent(
        [intent not in row.acceptable and starts(intent, pack) for row, intent in answers]
    )


def _percent(fits: Sequence[bool]) -> float:
    return round(100 * sum(fits) / len(fits), 2) if fits else 0.0


def _show(figures: dict[str, dict[str, float]]) -> None:
    titles = ("spoken", "typed right", "heard right", "lost", "wrong starts typed", "heard", "WER")
    print(f"{'':24}" + "".join(f"{title:>20}" for title in titles))
    for name, each in figures.items():
        count, *shares = each.values()
        print(f"{name:24}{count:20}" + "".join(f"{share:20}" for share in shares))


def _save(spoken: dict[str, list[Spoken]], path: Path) -> None:
    rows = (asdict(each) | {"file": name} for name, several in spoken.items() for each in several)
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), "utf-8")
