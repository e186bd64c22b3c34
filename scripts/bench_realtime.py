"""Measure how it is to talk with: delay, cutting off, stopping, hearing itself, a whole night.

    scripts/bench realtime [--audio FOLDER] [--files N] [--lines N] [--only PART …] [--json]

Parts: turns, echo, stop, yield, others, night, devices. All but the last run on the virtual clock
with the real recogniser, voice and echo canceller; `devices` runs through PulseAudio as the tests
do. Beside echo and others stands the plain loop of tutorials: recogniser → extractOne → say, ears
always open.
`--audio` is a folder with read_speech, other_speech and noise in it.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program sets it, before numpy is there

import numpy as np
import soundfile
import soxr
from rapidfuzz import fuzz, process

from lowtide.intents.acts import Say
from lowtide.intents.completeness import Completeness
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis, Utterance
from lowtide.intents.pack import load
from lowtide.intents.person import LONGEST_SILENCE, PATIENCES, Person
from lowtide.intents.replies import as_parts, speakable
from lowtide.voice.activity import VoiceActivity
from lowtide.voice.ears import Ears
from lowtide.voice.echo import EchoCanceller
from lowtide.voice.engines import recogniser
from lowtide.voice.frames import FRAME_SAMPLES, FRAME_SECONDS, RATE, Frame, Samples, framed
from lowtide.voice.mouth import Mouth
from lowtide.voice.packs import understander
from lowtide.voice.prompts import Prompts, cache_folder
from lowtide.voice.session import GOES_ON_WITHIN, Done, Event, Session, Turn
from lowtide.voice.settings import BargeIn
from lowtide.voice.speaker import BUFFER_SECONDS, Playback, Timeline
from lowtide.voice.synthesis import PROMPT_RATE, Synthesis
from lowtide.voice.turns import JUDGED_AFTER, ONSET, PATIENCE

LINES = (
    "does he miss me", "i want to call him", "i miss him so much", "will he come back",
    "is he thinking about me", "i feel so lonely", "has he moved on", "i want him back",
    "why is he silent", "i feel weak", "i want to see him", "has he forgotten me",
)  # fmt: skip
VOICES = ("rms", "slt", "awb")
GAINS, DELAYS = (-20, -10, 0), (0.0, 0.15, 0.3)
ROOM_NOISE = 10 ** (-62 / 20)
LONGEST_ECHO, SKIP = RATE // 2, RATE // 10
"""Samples: half a second, and by how much the delay changes where a device skips."""
SKIPS, EVENINGS = 0.05, 90
"""Chance of a skip, frame by frame: twice in three seconds. Conversations through such a room."""
LONGEST = 180.0
"""Seconds of one conversation."""
WAITS = 2.5
"""Seconds of silence after which the person in the bench speaks: longer than an answer takes."""
RENDERED_AFTER, QUIET_FOR = 120.0, 20.0
"""Seconds until everything is rendered, and in which a quiet room is measured then."""
HOURS, NIGHT_TURNS = 8, 200
YIELDS_WITHIN = 0.1
"""Seconds; issue 5."""
GOES_ON_AFTER = 0.4
"""Seconds of our answer after which somebody goes on in the bench."""
AUDIBLE = 300
"""Of 32,767: what is louder is speech in flite's lines."""


@dataclass
class Bench:
    """What the parts share."""

    audio: Path
    files: int
    lines: int
    folder: Path
    engine: Any = None
    synthesis: Any = None
    pack: Any = field(default_factory=load)

    def __post_init__(self) -> None:
        self.engine = recogniser("auto", recorded=True)
        self.synthesis = Synthesis()
        self.prompts = Prompts(cache_folder(), self.synthesis)
        self.understander = understander(self.pack)

    def session(self, timeline: Timeline, barge_in: BargeIn = "stop") -> Session:
        """A conversation that speaks into a timeline."""
        dialogue = Dialogue(self.pack, person=Person(night="off"))
        mouth = Mouth(self.prompts, timeline)
        return Session(Ears(self.engine), self.understander, dialogue, mouth, barge_in=barge_in)

    def spoken(self, text: str, voice: str) -> Samples:
        """A line by a voice of flite."""
        path = self.folder / f"{voice} {text}.wav"
        if not path.exists():
            subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path], check=True)
        return soundfile.read(path, dtype="int16")[0]

    def recordings(self, kind: str) -> list[Samples]:
        """Some recordings of a kind, spread over all of them."""
        paths = sorted((self.audio / kind).glob("*.flac"))
        step = max(1, len(paths) // self.files)
        return [soundfile.read(path, dtype="int16")[0] for path in paths[::step][: self.files]]


class EchoRoom:
    """A person who waits for us and speaks, and a microphone that hears both.

    Args:
        timeline: Where our voice sounds.
        lines: What the person says, in turn.
        gain: dB from our loudspeaker to the microphone; None for headphones.
        delay: Seconds of the echo.
        cancel: Whether the echo is taken off, as the session's sound worker does.
        over: Seconds after our answer's beginning at which the person speaks anyway; None to wait.
        skips: Chance, frame by frame, that the echo's delay changes, as where a device skips.
        seed: Of the noise and the skips.
    """

    def __init__(  # noqa: PLR0913
        self, timeline: Timeline, lines: list[Samples], gain: float | None = None,
        delay: float = 0.0, *, cancel: bool = True, over: float | None = None, skips: float = 0.0,
        seed: int = 1,
    ) -> None:  # fmt: skip
        self.timeline, self.lines, self.gain, self.over = timeline, lines, gain, over
        self.skips = skips
        # What goes out is known when the device takes it, and heard after its buffer.
        self.delay = round((BUFFER_SECONDS + delay) * RATE)
        self.said: list[tuple[float, float]] = []
        self._echo = EchoCanceller() if cancel else None
        self._noise = np.random.default_rng(seed)
        self._ours: dict[tuple[float, int], Samples] = {}

    def __iter__(self) -> Iterator[Frame]:
        waiting, rest, since, index = list(self.lines), np.zeros(0, np.int16), 0.0, 0
        history = np.zeros(LONGEST_ECHO, np.int16)
        last = begun = 0.0
        while waiting or len(rest) or index * FRAME_SECONDS - last < 6:
            if index * FRAME_SECONDS > LONGEST:
                return  # The plain loop answers itself without end.
            now = index * FRAME_SECONDS
            sounding = self.timeline.sounding
            since = 0.0 if sounding or len(rest) else since + FRAME_SECONDS
            begun = begun if sounding else now
            interrupts = self.over is not None and now - begun >= self.over
            if waiting and not len(rest) and (since > WAITS or (interrupts and len(waiting) % 2)):
                rest = waiting.pop(0)
                self.said.append((now, now + len(rest) / RATE))
            mine, rest = rest[:FRAME_SAMPLES], rest[FRAME_SAMPLES:]
            last = now if len(mine) or sounding else last
            near = self._noise.standard_normal(FRAME_SAMPLES) * ROOM_NOISE * 32767
            near[: len(mine)] += mine
            ours = self._sounding(now)
            history = np.concatenate((history, ours))[-LONGEST_ECHO:]
            if self._noise.random() < self.skips:
                moved = self.delay + self._noise.integers(-SKIP, SKIP)
                self.delay = int(np.clip(moved, 0, LONGEST_ECHO - FRAME_SAMPLES))
            if self.gain is not None:
                echo = history[len(history) - FRAME_SAMPLES - self.delay :][:FRAME_SAMPLES]
                near += echo * 10 ** (self.gain / 20)
            heard = np.clip(near, -32767, 32767).astype(np.int16)
            clean = self._echo.clean(heard, ours) if self._echo else heard
            yield Frame(index, clean, ours)
            index += 1

    def _sounding(self, now: float) -> Samples:
        """What the loudspeaker plays in this frame, at 16 kHz."""
        frame = np.zeros(FRAME_SAMPLES, np.int16)
        for start, samples in self.timeline.sounds:
            first = round((now - start) * RATE)
            if first <= -FRAME_SAMPLES or first > len(samples) / PROMPT_RATE * RATE:
                continue
            key = (start, len(samples))
            if key not in self._ours:
                self._ours[key] = soxr.resample(samples, PROMPT_RATE, RATE)
            piece = self._ours[key][max(0, first) : max(0, first + FRAME_SAMPLES)]
            frame[max(0, -first) :][: len(piece)] += piece
        return frame


def turns_of(events: Iterator[Event]) -> list[Turn]:
    """The turns in which somebody was heard."""
    return [event.turn for event in events if isinstance(event, Done) and event.turn.utterance]


# Parts


@dataclass(frozen=True)
class Spoken:
    """How somebody's speech went by."""

    pauses: tuple[tuple[float, Completeness], ...]
    """Seconds of each, and how far the sentence seemed to have come."""
    kind: Completeness
    """How far it seemed to have come at the end."""
    look: float
    """Seconds in which the recogniser read what was said, when the last pause began."""
    work: float
    """Seconds from the end of the turn until it was known what was meant."""

    def delay(self, waits: dict[Completeness, float]) -> float:
        """Seconds from the end of speech to an answer."""
        return max(waits[self.kind], JUDGED_AFTER + self.look) + self.work


def turns(bench: Bench) -> dict[str, Any]:
    """Delay against cutting off, over the presets: one pass with endless patience."""
    said = {"known": LINES[: bench.lines], "own": own_words(bench.lines)}
    read = [_heard_out(bench, sound) for sound in bench.recordings("read_speech")]
    spoken = {
        kind: [
            _heard_out(bench, bench.spoken(line, VOICES[at % len(VOICES)]))
            for at, line in enumerate(lines)
        ]
        for kind, lines in said.items()
    }
    figures = {}
    for preset in PATIENCES[: LONGEST_SILENCE + 1]:
        waits = PATIENCE[preset]
        cut = [[each - waits[kind] for each, kind in one.pauses] for one in read]
        figures[preset] = {
            "speakers": len(read),
            "cut_off": 100 * sum(any(each > 0 for each in one) for one in cut) / len(read),
            "cut_off_for_good": 100
            * sum(any(each > GOES_ON_WITHIN for each in one) for one in cut)
            / len(read),
            "delay_read": _ms([one.delay(waits) for one in read]),
            **{f"delay_{kind}": _ms([one.delay(waits) for one in spoken[kind]]) for kind in spoken},
        }
    return figures


def own_words(count: int) -> list[str]:
    """Some of the development paraphrases: what no pack has word for word."""
    rows = (
        (Path(__file__).parents[1] / "tests/data/paraphrases_dev.jsonl")
        .read_text("utf-8")
        .splitlines()
    )
    return [json.loads(row)["text"] for row in rows[:: max(1, len(rows) // count)]][:count]


def _heard_out(bench: Bench, sound: Samples) -> Spoken:
    sound = np.concatenate((np.zeros(RATE // 2, np.int16), sound, np.zeros(2 * RATE, np.int16)))
    ears, pauses, silence, look = Ears(bench.engine), [], 0.0, 0.0
    kind: Completeness = "unknown"
    for index in range(len(sound) // FRAME_SAMPLES):
        ears.hear(Frame(index, sound[index * FRAME_SAMPLES :][:FRAME_SAMPLES]), 1e9)
        if not ears.hearing:
            continue
        if ears.silence >= JUDGED_AFTER:
            begun = time.perf_counter()
            text = bench.engine.partial()
            if silence < JUDGED_AFTER:
                look, kind = time.perf_counter() - begun, bench.understander.completeness(text)
        if ears.silence < silence and silence >= JUDGED_AFTER:
            pauses.append((silence, kind))
        silence = ears.silence
    begun = time.perf_counter()
    found = bench.engine.finish()
    bench.understander.understand(found or [Hypothesis("")])
    return Spoken(tuple(pauses), kind, look, time.perf_counter() - begun)


def echo(bench: Bench) -> dict[str, Any]:
    """Answers to our own voice, and lines that were not answered, with an echo."""
    figures = {}
    lines = [bench.spoken(line, VOICES[at % 3]) for at, line in enumerate(LINES[: bench.lines])]
    for gain in GAINS:
        for delay in DELAYS:
            timeline = Punctual()
            room = EchoRoom(timeline, lines, gain, delay)
            heard = turns_of(bench.session(timeline).converse(room, greet=True))
            figures[f"{gain} dB, {delay * 1000:.0f} ms"] = _answers(room, heard)
    figures["skipping"] = _skipping(bench)
    timeline = Punctual()
    room = EchoRoom(timeline, lines, -10, 0.15, cancel=False)
    figures["plain loop, -10 dB, 150 ms"] = _answers(room, list(_plain(bench, room, timeline)))
    return figures


def _skipping(bench: Bench) -> dict[str, Any]:
    """Greetings in which a device skips: how many of them we answered."""
    answered = 0
    for at in range(EVENINGS):
        timeline = Punctual()
        gain, delay = GAINS[at % len(GAINS)], DELAYS[at // len(GAINS) % len(DELAYS)]
        room = EchoRoom(timeline, [], gain, delay, skips=SKIPS, seed=at)
        answered += bool(turns_of(bench.session(timeline).converse(room, greet=True)))
    return {"evenings": EVENINGS, "self_answers": answered}


def _answers(room: EchoRoom, heard: list[Turn]) -> dict[str, Any]:
    ours = [turn for turn in heard if not _theirs(turn, room.said)]
    lines = [
        line
        for line in room.said
        if any(turn.utterance and turn.utterance.start < line[1] and turn.utterance.end > line[0]
               for turn in heard)
    ]  # fmt: skip
    return {"lines": len(room.said), "heard": len(lines), "self_answers": len(ours)}


def _theirs(turn: Turn, said: list[tuple[float, float]]) -> bool:
    assert turn.utterance is not None
    return any(
        turn.utterance.start < end + 0.3 and turn.utterance.end > start for start, end in said
    )


def _plain(bench: Bench, source: Iterable[Frame], timeline: Timeline) -> Iterator[Turn]:
    """The loop of tutorials: no gate, a fixed silence, the nearest phrase whatever its score."""
    ears, phrases = Ears(bench.engine), dict(_phrases(bench))
    for frame in source:
        timeline.ended(frame.end)
        utterance = ears.hear(frame, 0.8)
        if utterance is None or not utterance.text:
            continue
        phrase, _, _ = process.extractOne(utterance.text, list(phrases), scorer=fuzz.WRatio)
        replies = speakable(bench.pack.intents[phrases[phrase]].replies, "him")
        say = Say(as_parts(replies[0], "him")) if replies else Say(())
        timeline.play(bench.prompts.render(say) if say.parts else np.zeros(1, np.int16),
                      frame.end, 0.0)  # fmt: skip
        yield Turn(None, utterance, say.text)


def _phrases(bench: Bench) -> Iterator[tuple[str, str]]:
    for intent, phrase in bench.pack.phrases():
        yield phrase, intent


def stop(bench: Bench) -> dict[str, Any]:
    """How soon a stop over our answer brings silence."""
    figures = {}
    for gain in (None, *GAINS):
        silent, late = [], []
        for at in range(bench.lines):
            voice = VOICES[at % 3]
            word = bench.spoken("stop", voice)
            loud = np.flatnonzero(np.abs(word) > AUDIBLE)[-1] / RATE
            timeline = Punctual()
            lines = [bench.spoken(LINES[at % len(LINES)], voice), word]
            room = EchoRoom(timeline, lines, gain, 0.1, over=2.5)
            list(bench.session(timeline).converse(room, greet=True))
            begun = room.said[1][0]
            sounds = [start for start, _ in timeline.sounds if start > begun + 0.05]
            cut = max(start + len(each) / PROMPT_RATE for start, each in timeline.sounds
                      if start < begun)  # fmt: skip
            late.append(cut - begun - loud)
            silent.append(not sounds and late[-1] < 1.0)
        figures["headphones" if gain is None else f"{gain} dB"] = {
            "stopped": f"{sum(silent)} of {len(silent)}",
            "silence_after_word": _ms([each for each, quiet in zip(late, silent, strict=True)
                                       if quiet]),
        }  # fmt: skip
    return figures


class Watched:
    """Frames on their way to the session, and when the detector found speech in them."""

    def __init__(self, room: EchoRoom) -> None:
        self._room, self._activity = room, VoiceActivity()
        self.voiced: list[float] = []

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._room:
            if self._activity.probability(frame) >= ONSET:
                self.voiced.append(frame.start)
            yield frame


class Punctual(Timeline):
    """A timeline on which nothing is late: the same room gives the same conversation anywhere."""

    def play(self, samples: Samples, now: float, worked: float) -> None:  # noqa: ARG002
        """Sound these samples at once, whatever was computed before."""
        super().play(samples, now, 0.0)


class HeldSpeaker(Punctual):
    """A timeline that knows when it was held."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[float] = []

    def pause(self, now: float) -> None:
        """Cut what sounds at `now`, and keep the rest."""
        self.held.append(now)
        super().pause(now)


def yielding(bench: Bench) -> dict[str, Any]:
    """How soon we fall silent for somebody who goes on just after our answer began."""
    figures = {}
    rooms: list[tuple[str, float | None, BargeIn]] = [
        ('headphones, barge_in = "full"', None, "full"),
        ("headphones", None, "stop"),
        *((f"{gain} dB", gain, "stop") for gain in GAINS),
    ]
    for name, gain, barge_in in rooms:
        after_activity, after_sound = [], []
        for at in range(bench.lines):
            lines = [bench.spoken(LINES[at + each], VOICES[at % 3]) for each in (0, 1)]
            sound = np.flatnonzero(np.abs(lines[1]) > AUDIBLE)[0] / RATE
            timeline = HeldSpeaker()
            full = barge_in == "full"
            room = EchoRoom(timeline, lines, gain, 0.1, over=GOES_ON_AFTER, cancel=not full)
            watched = Watched(room)
            list(bench.session(timeline, barge_in).converse(watched, greet=True))
            begun = room.said[1][0] + sound
            silent = next(each for each in timeline.held if each > begun)
            # The beginning may lie in the frame of the first sound, which began before it.
            active = next(each for each in watched.voiced if each > begun - FRAME_SECONDS)
            after_activity.append(silent - active)
            after_sound.append(silent - begun)
        within = sum(each <= YIELDS_WITHIN for each in after_activity)
        figures[name] = {
            "within_100_ms": f"{within} of {len(after_activity)}",
            "silence_after_voice_activity": _ms(after_activity),
            "silence_after_first_sound": _ms(after_sound),
        }
    return figures


def others(bench: Bench) -> dict[str, Any]:
    """Other people's talk and noise: how often we answer, and with a reframe or flow."""
    figures = {}
    for kind in ("other_speech", "noise"):
        sounds = bench.recordings(kind)
        hours = sum(map(len, sounds)) / RATE / 3600
        ours, reframes, plain = 0, 0, 0
        for sound in sounds:
            timeline = Timeline()
            frames = list(framed([sound]))
            heard = turns_of(bench.session(timeline).converse(frames))
            ours += sum(bool(turn.reply) for turn in heard)
            reframes += sum(
                turn.understanding is not None and turn.understanding.intent != "none"
                for turn in heard
            )
            plain += len(list(_plain(bench, frames, Timeline())))
        figures[kind] = {
            "hours": round(hours, 3),
            "sounds_an_hour": ours / hours,
            "wrong_starts_an_hour": reframes / hours,
            "plain_answers_an_hour": plain / hours,
        }
    return figures


class ScriptedEars:
    """Ears that hear a line every so often: a night of frames in a minute."""

    def __init__(self, every: int) -> None:
        self.every, self.count, self.hearing, self.silence = every, 0, False, 0.0
        self.stirring = self.echo = False
        self.levels: list[float] = []

    def hear(self, frame: Frame, patience: float, **_: object) -> Utterance | None:  # noqa: ARG002
        """A line, when it is time."""
        self.count += 1
        if self.count % self.every:
            return None
        line = LINES[self.count // self.every % len(LINES)]
        return Utterance(frame.start, frame.end, (Hypothesis(line),))


class SilentSpeaker(Timeline):
    """A timeline that keeps nothing of what has sounded, as a loudspeaker does."""

    def ended(self, now: float) -> Playback | None:
        """What has ended by `now`."""
        playback = super().ended(now)
        if playback is not None:
            self.sounds.clear()
        return playback


def night(bench: Bench) -> dict[str, Any]:
    """Eight hours and 200 turns on the virtual clock: memory after an hour and at the end."""
    frames = round(HOURS * 3600 / FRAME_SECONDS)
    ears: Any = ScriptedEars(frames // NIGHT_TURNS)
    dialogue = Dialogue(bench.pack, person=Person(night="on"))
    session = Session(ears, bench.understander, dialogue, Mouth(bench.prompts, SilentSpeaker()))
    silence = np.zeros(FRAME_SAMPLES, np.int16)
    answered, early, begun = 0, 0.0, time.perf_counter()
    for event in session.converse(Frame(at, silence) for at in range(frames)):
        if isinstance(event, Done) and event.turn.utterance is not None:
            answered += 1
            if answered == NIGHT_TURNS // HOURS:
                early = _resident()
    return {
        "turns": answered,
        "memory_after_an_hour_mb": early,
        "memory_at_the_end_mb": _resident(),
        "growth": 100 * (_resident() / early - 1),
        "took_seconds": time.perf_counter() - begun,
    }


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def devices(bench: Bench) -> dict[str, Any]:
    """A session of its own through PulseAudio: start, delay on tape, computing."""
    sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "sound"))
    from room import EARS_OPEN, Room  # noqa: PLC0415 - the tests' own room

    for each in LINES[: bench.lines]:
        bench.spoken(each, "rms")
    room = Room(bench.folder)
    delays = []
    try:
        with room.tape("room") as people, room.tape("speaker") as voice, room.talk() as talk:
            talk.greeting()
            begun, before = time.monotonic(), talk.cpu_seconds()
            for line in LINES[: bench.lines]:
                room.say(bench.folder / f"rms {line}.wav")
                talk.answered(60)
                time.sleep(EARS_OPEN)
            talking = (talk.cpu_seconds() - before) / (time.monotonic() - begun)
            time.sleep(RENDERED_AFTER)  # Beside a first session prompts are rendered.
            before = talk.cpu_seconds()
            time.sleep(QUIET_FOR)
            idle = (talk.cpu_seconds() - before) / QUIET_FOR
            for person in people.sounds():
                after = [each.start for each in voice.sounds() if each.start > person.end]
                if after:
                    delays.append(after[0] - person.end)
    finally:
        room.close()
    return {
        "delay_on_tape": _ms(delays),
        "cpu_talking": 100 * talking,
        "cpu_idle": 100 * idle,
        "start": talk.ready_after,
    }


def _ms(values: list[float]) -> dict[str, float]:
    if not values:
        return {}
    return {
        "median": round(1000 * float(np.median(values))),
        "p95": round(1000 * float(np.percentile(values, 95))),
    }


PARTS = {
    "turns": turns, "echo": echo, "stop": stop, "yield": yielding, "others": others,
    "night": night, "devices": devices,
}  # fmt: skip


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench realtime", description=__doc__)
    parser.add_argument("--audio", type=Path, default=Path("../shared/data/audio"))
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--lines", type=int, default=6)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(chosen.audio, chosen.files, chosen.lines, Path(folder))
        try:
            for part in chosen.only:
                figures[part] = PARTS[part](bench)
                if not chosen.json:
                    print(f"\n{part}")
                    for name, figure in figures[part].items():
                        print(f"  {name:<28} {figure}", flush=True)
        finally:
            bench.engine.close()
            bench.synthesis.close()
    if chosen.json:
        print(json.dumps(figures))
    return 0
