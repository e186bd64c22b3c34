"""Put the recognisers side by side on a folder of recordings with transcripts.

    scripts/bench engines FOLDER [--vosk-model FOLDER] [--patience normal] [--rows N] [--json]

FOLDER holds WAV or FLAC files and their words: in NAME.txt beside NAME.wav, or in a manifest.jsonl
there or one folder above ({"file": …, "text": …} a line, and "label" or "acceptable" where the
intent is known). Where it is not, the intent is right that the same words get when they are typed.

Every engine that is here hears every recording once, in a process of its own, through voice
activity and turn taking as a session does. Vosk's model is the installed one, or the one that
--vosk-model or LOWTIDE_VOSK_MODEL names.

  word errors    per 100 words, by jiwer; words heard and not said count too
  intent         percent right, of what was heard; beside it of the same words typed
  real time      CPU seconds of recogniser and turn taking per second of sound
  memory         MB that the engine adds to the process, its worker included
  delay          ms from the end of speech to the words: the silence that is waited for, and work
  work           ms of it that is work: from the frame that ended the utterance to the words
"""

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program sets it, before numpy is there

import jiwer
import numpy as np
import psutil

from lowtide.intents.events import Hypothesis, Utterance
from lowtide.intents.pack import load
from lowtide.intents.text import tidy
from lowtide.intents.understanding import Understander
from lowtide.models.store import Store, StoreTrouble
from lowtide.voice.ears import Ears
from lowtide.voice.engines import recogniser
from lowtide.voice.errors import Trouble
from lowtide.voice.frames import RATE, Samples, framed
from lowtide.voice.packs import understander
from lowtide.voice.recognisers import Recogniser
from lowtide.voice.recognisers.vosk_trial import try_out
from lowtide.voice.recording import Recording
from lowtide.voice.turns import JUDGED_AFTER, PATIENCE

TAIL = 4.5
"""Seconds of silence after a recording: the longest patience."""
SOUNDS = {".wav", ".flac"}


@dataclass(frozen=True)
class Said:
    """One recording and what is said in it."""

    path: Path
    text: str
    acceptable: tuple[str, ...] = ()
    """Intents that are right; empty where nobody has said."""


@dataclass(frozen=True)
class Heard:
    """What an engine made of one recording."""

    text: str
    right: bool
    """Whether its intent is."""
    typed_right: bool
    """Whether the intent of the same words, typed, is."""
    delays: tuple[float, ...]
    """Seconds from the end of each utterance until its words are there."""
    works: tuple[float, ...]
    """Seconds of each that are work."""


@dataclass(frozen=True)
class Figures:
    """One engine's line of the table; see the top of this file for the units."""

    recordings: int
    words: int
    word_errors: float
    intent: float
    intent_typed: float
    real_time: float
    memory: float
    delay_median: float
    delay_95: float
    work_median: float
    work_95: float
    loaded: float
    """Seconds until the engine can hear."""


def main(arguments: Sequence[str]) -> int:
    """Print each engine's figures."""
    asked = _asked(arguments)
    recordings = list(_recordings(asked.folder))
    if asked.rows:
        recordings = recordings[: asked.rows]
    if not recordings:
        print(
            f"bench engines: {asked.folder}: no WAV or FLAC file with a transcript there; "
            "put the words into NAME.txt beside NAME.wav, or into manifest.jsonl",
            file=sys.stderr,
        )
        return 1
    figures = {}
    for engine, model in _engines(asked.vosk_model):
        # A fresh process for each, so that memory is the engine's own.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=context) as pool:
            job = pool.submit(_measured, engine, model, recordings, asked.patience)
        try:
            name, found = job.result()
        except Trouble as trouble:
            print(f"bench engines: {trouble}", file=sys.stderr)
            return 1
        figures[name] = asdict(found)
    if asked.json:
        print(json.dumps(figures, indent=1))
    else:
        _show(figures)
    return 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "bench engines", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    chosen = os.environ.get("LOWTIDE_VOSK_MODEL")
    parser.add_argument("--vosk-model", type=Path, default=Path(chosen) if chosen else None)
    parser.add_argument("--patience", choices=PATIENCE, default="normal")
    parser.add_argument("--rows", type=int, default=0, help="recordings at most; 0 for all")
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    return parser.parse_args(arguments)


def _engines(vosk_model: Path | None) -> Iterator[tuple[str, Path | None]]:
    yield "whisper", None
    yield "sphinx", None
    try:
        if vosk_model:
            try_out(vosk_model)  # Once for a new folder, and no part of getting ready.
        if vosk_model or Store().first("speech"):
            yield "vosk", vosk_model
        else:
            print("Without Vosk: no model is here; lowtide models get speech", file=sys.stderr)
    except (StoreTrouble, Trouble) as trouble:
        print(f"Without Vosk: {trouble}", file=sys.stderr)


# Recordings ---------------------------------------------------------------------------------------


def _recordings(folder: Path) -> Iterator[Said]:
    listed = {said.path: said for said in _manifest(folder)}
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        words = path.with_suffix(".txt")
        if path.suffix.lower() not in SOUNDS:
            continue
        if path.resolve() in listed:
            yield listed[path.resolve()]
        elif words.is_file():
            yield Said(path, words.read_text("utf-8"))


def _manifest(folder: Path) -> Iterator[Said]:
    for path in (folder / "manifest.jsonl", folder.parent / "manifest.jsonl"):
        if not path.is_file():
            continue
        for row in map(json.loads, path.read_text("utf-8").splitlines()):
            if row.get("text"):
                known = row.get("acceptable") or [label for label in [row.get("label")] if label]
                yield Said((path.parent / row["file"]).resolve(), row["text"], tuple(known))
        return


# Hearing ------------------------------------------------------------------------------------------


def _measured(
    engine: str, model: Path | None, recordings: Sequence[Said], patience: str
) -> tuple[str, Figures]:
    """One engine over all recordings; runs in a process of its own."""
    pack = load()
    reader = understander(pack)
    reader.understand([Hypothesis("stay with me")])  # Everything but the engine is loaded now.
    before, begun = _resident(), time.perf_counter()
    hearing = recogniser(engine, model, recorded=True)
    loaded = time.perf_counter() - begun
    try:
        listener = _Listener(hearing, reader, PATIENCE[patience])
        heard = [listener.hear(said) for said in recordings]
        taken = _resident() - before
        figures = _figures(recordings, heard, listener, memory=taken, loaded=loaded)
        return hearing.name, figures
    finally:
        hearing.close()


class _Listener:
    """Hears recordings one after the other, and counts what it takes."""

    def __init__(
        self, engine: Recogniser, reader: Understander, patience: dict[str, float]
    ) -> None:
        self.seconds = 0.0
        """Of sound."""
        self.cpu = 0.0
        """Of hearing it."""
        self._engine = engine
        self._reader = reader
        self._patience = patience

    def hear(self, said: Said) -> Heard:
        """One recording."""
        sound = np.concatenate([frame.samples for frame in Recording(said.path)])
        begun = _cpu()
        utterances = list(self._utterances(sound))
        self.cpu += _cpu() - begun
        self.seconds += len(sound) / RATE + TAIL
        typed = self._intent([(Hypothesis(tidy(said.text)),)])
        right = said.acceptable or (typed,)
        return Heard(
            text=" ".join(utterance.text for utterance, _, _ in utterances if utterance.text),
            right=self._intent([each.hypotheses for each, _, _ in utterances]) in right,
            typed_right=typed in right,
            delays=tuple(waited + work for _, waited, work in utterances),
            works=tuple(work for _, _, work in utterances),
        )

    def _utterances(self, sound: Samples) -> Iterator[tuple[Utterance, float, float]]:
        """Each with the silence that was waited for, and the work after it, in seconds."""
        self._ears = Ears(self._engine)
        for frame in framed([np.pad(sound, (0, int(TAIL * RATE)))]):
            patience = self._patience_now()
            begun = time.perf_counter()
            if utterance := self._ears.hear(frame, patience):
                yield utterance, frame.end - utterance.end, time.perf_counter() - begun

    def _patience_now(self) -> float:
        """As in a session: by what was said so far."""
        if self._ears.silence < JUDGED_AFTER:
            return self._patience["unknown"]
        text = self._ears.recogniser.partial()
        return self._patience[self._reader.completeness(text)]

    def _intent(self, heard: Sequence[tuple[Hypothesis, ...]]) -> str:
        """Danger first, then what is understood first."""
        understood = [self._reader.understand(each) for each in heard if each]
        alarms = [each.intent for each in understood if each.alarm]
        intents = [each.intent for each in understood if each.intent != "none"]
        return next(iter([*alarms, *intents]), "none")


def _family() -> list[psutil.Process]:
    us = psutil.Process()
    return [us, *us.children(recursive=True)]


def _resident() -> float:
    """Megabytes of memory of this process and its workers."""
    return sum(process.memory_info().rss for process in _family()) / 1e6


def _cpu() -> float:
    """CPU seconds of this process and its workers so far."""
    times = [process.cpu_times() for process in _family()]
    return sum(each.user + each.system for each in times)


# Figures ------------------------------------------------------------------------------------------


def _figures(
    recordings: Sequence[Said],
    heard: Sequence[Heard],
    listener: _Listener,
    *,
    memory: float,
    loaded: float,
) -> Figures:
    said = [tidy(each.text) for each in recordings]
    delays = [delay for each in heard for delay in each.delays] or [0.0]
    works = [work for each in heard for work in each.works] or [0.0]
    return Figures(
        recordings=len(heard),
        words=sum(len(text.split()) for text in said),
        word_errors=round(100 * jiwer.wer(said, [tidy(each.text) for each in heard]), 1),
        intent=_percent([each.right for each in heard]),
        intent_typed=_percent([each.typed_right for each in heard]),
        real_time=round(listener.cpu / listener.seconds, 3),
        memory=round(memory, 1),
        delay_median=round(1000 * float(np.median(delays))),
        delay_95=round(1000 * float(np.percentile(delays, 95))),
        work_median=round(1000 * float(np.median(works)), 1),
        work_95=round(1000 * float(np.percentile(works, 95)), 1),
        loaded=round(loaded, 2),
    )


def _percent(fits: Sequence[bool]) -> float:
    return round(100 * sum(fits) / len(fits), 1)


def _show(figures: dict[str, dict[str, float]]) -> None:
    rows = {
        "recordings": "recordings",
        "words": "words",
        "word_errors": "word errors, per 100",
        "intent": "intent right, %",
        "intent_typed": "  typed, %",
        "real_time": "real time, CPU s per s",
        "memory": "memory, MB",
        "delay_median": "delay after speech, ms",
        "delay_95": "  95 %",
        "work_median": "  work of it, ms",
        "work_95": "  95 %",
        "loaded": "ready after, s",
    }
    widest = max(len(name) for name in figures) + 2
    print(f"{'':26}" + "".join(f"{name:>{widest}}" for name in figures))
    for key, title in rows.items():
        print(f"{title:26}" + "".join(f"{each[key]:>{widest}}" for each in figures.values()))
