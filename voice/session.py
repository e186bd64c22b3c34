"""The loop: a frame comes in at the source and leaves at the speaker, and nothing turns back.

One thread, one clock counted in frames; a microphone and a recording go through it alike.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, cast

import numpy as np

from lowtide.intents.acts import Act, Say, Set
from lowtide.intents.completeness import Completeness
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis, Understanding, Utterance
from lowtide.intents.person import BargeIn
from lowtide.intents.understanding import NONE
from lowtide.voice.ears import Ears
from lowtide.voice.echo import FEWEST_WORDS
from lowtide.voice.frames import FRAME_SAMPLES, Frame, FrameSource
from lowtide.voice.mouth import Mouth
from lowtide.voice.speaker import Playback
from lowtide.voice.telling import Telling, Told
from lowtide.voice.turns import CLOSED_AFTER, JUDGED_AFTER, LONG_PATIENCE, PATIENCE
from lowtide.voice.waking import Mode, Waking


@dataclass(frozen=True)
class Turn:
    """Something heard and what was answered, or something said into a silence.

    Times are seconds on the session's clock.
    """

    understanding: Understanding | None
    """None when nobody had spoken."""
    utterance: Utterance | None
    reply: str
    """What was said, or empty."""
    reply_start: float | None = None
    reply_end: float | None = None


@dataclass(frozen=True)
class Heard:
    """An utterance was understood; its answer begins."""

    turn: Turn


@dataclass(frozen=True)
class Decided:
    """The core asked for this, and its words begin to sound."""

    acts: tuple[Act, ...]


@dataclass(frozen=True)
class Done:
    """A turn is over: its answer has really ended, or there was none."""

    turn: Turn


@dataclass(frozen=True)
class Listening:
    """A frame has passed."""

    now: float
    decibels: float
    """dBFS."""
    hearing: bool
    """Whether somebody speaks."""
    saying: bool
    """Whether our own voice sounds."""


Event = Heard | Decided | Done | Listening
LOUD_FRAMES = 4
"""Frames (128 ms) of an utterance that tell how loud it is: no pause counts, and no click."""
HARDLY = 0.4
"""Certainty under which only a stop, danger and a known sentence count: the rest is what a
recogniser reads into rain, crowds and dogs; docs/engines.md has the figures."""
READ_INTO_NOISE = frozenset({"yes", "no", "thank_you"})
"""Known sentences that a recogniser reads into noise too."""
SILENCE = np.zeros(FRAME_SAMPLES, np.int16)
GOES_ON_WITHIN = 1.2
"""Seconds after the beginning of an answer in which speech belongs to the utterance before it."""
OVER_PATIENCE = 0.4
"""Seconds of silence that end what is said over our voice: a stop is one word."""
SOFTER_BY = 12.0
"""dB by which who goes on may be softer than a second ago, whatever is left of our own voice: that
is softer still. A "stop" may be as soft as it likes."""
STOP_READINGS = 4
"""Readings of a short word over our voice in which a stop is looked for."""
HOLDS_FOR = 1.5
"""Seconds for which we are silent because somebody speaks, until it is clear to whom."""


@dataclass
class _Over:
    """Somebody speaks over our voice."""

    since: float
    """Seconds on the session's clock."""
    follows: Turn | None
    """The turn whose utterance goes on, where it does."""
    holding: bool = True


class Understands(Protocol):
    """Says what is meant; `lowtide.intents.understanding.Understander` does."""

    def understand(
        self, hypotheses: Sequence[Hypothesis], ex_name: str | None = None
    ) -> Understanding:
        """What the readings of one utterance mean."""
        ...

    def completeness(self, text: str) -> Completeness:
        """How far a sentence has come."""
        ...


class Session:
    """One conversation.

    Args:
        ears: Hear utterances.
        understander: Says what they mean.
        dialogue: Decides what is answered.
        mouth: Says it.
        barge_in: What gets through while our voice sounds: "stop" words and danger, or "full"
            for everything, where our voice can't reach the microphone.
        waking: When the session sleeps; never without it.
    """

    def __init__(  # noqa: PLR0913
        self,
        ears: Ears,
        understander: Understands,
        dialogue: Dialogue,
        mouth: Mouth,
        *,
        barge_in: BargeIn = "stop",
        waking: Waking | None = None,
    ) -> None:
        self._ears = ears
        self._understander = understander
        self._dialogue = dialogue
        self._mouth = mouth
        self._barge_in = barge_in
        self._waking = waking
        self._telling = Telling(dialogue.closing)
        self._judged: tuple[str, Completeness] = ("", "unknown")
        self._open: deque[Turn | None] = deque()
        """Turns whose answers sound or wait; None where the answer gave way to one that follows."""
        self._over: _Over | None = None
        self._flinched = False
        """Whether we are silent for what may become speech."""
        self._loudness = float("-inf")
        """dBFS of what was heard last."""

    def converse(self, source: FrameSource, *, greet: bool = False) -> Iterator[Event]:
        """Hear a source to its end, and then silence until everything is answered and said."""
        if self._waking is not None and self._waking.begins_asleep:
            self._dialogue.sleep()
        elif greet:
            yield from self._answer(None, None, self._dialogue.greet(), 0.0, time.perf_counter())
        index = -1
        for frame in source:
            index = frame.index
            yield from self._step(frame)
        while self._attends or self._open:
            index += 1
            yield from self._step(Frame(index, SILENCE))

    def _step(self, frame: Frame) -> Iterator[Event]:
        arrived, now = time.perf_counter(), frame.end
        if playback := self._mouth.ended(now):
            yield from self._ended(playback, now, arrived)
        self._mouth.hear(frame.decibels, now)
        if self._mouth.deafens(now) or self._over is not None:
            yield from self._hear_over(frame, now, arrived)
        elif utterance := self._ears.hear(frame, self._patience_now()):
            yield from self._heard(utterance, now, arrived)
        if not self._ears.hearing and (told := self._telling.over(now)):
            yield from self._understood(*self._meant(told), now, arrived)
        if not self._attends and not self._mouth.sounding:
            yield from self._answer(None, None, self._dialogue.tick(now), now, arrived)
            yield from self._tire(now, arrived)
        elif self._waking is not None:
            self._waking.heard(now)
        yield Listening(now, frame.decibels, self._attends, self._mouth.sounding)

    @property
    def _attends(self) -> bool:
        """Whether somebody speaks, or has paused in what they tell."""
        return self._ears.hearing or self._telling.under_way

    def wake(self, now: float) -> Iterator[Event]:
        """Somebody woke us by other means than words."""
        yield from self._answer(None, None, self._dialogue.wake(now), now, time.perf_counter())

    def _tire(self, now: float, arrived: float) -> Iterator[Event]:
        if self._waking is not None and self._waking.sleeps(self._dialogue, now):
            yield from self._answer(None, None, self._dialogue.doze(now), now, arrived)

    def _ended(self, playback: Playback, now: float, arrived: float) -> Iterator[Event]:
        turn = self._open.popleft() if self._open else None
        if turn is not None:
            yield Done(replace(turn, reply_start=playback.start, reply_end=playback.end))
        if not self._mouth.sounding:
            yield from self._answer(None, None, self._dialogue.said(now), now, arrived)

    def _hear_over(self, frame: Frame, now: float, arrived: float) -> Iterator[Event]:
        """Hear while our own voice sounds, or the room still carries it."""
        follows = self._over is not None and self._over.follows is not None
        waits = self._barge_in == "stop" and self._mouth.sounding and not follows
        patience = OVER_PATIENCE if waits else self._patience_now()
        early = self._has_just_begun(now)
        softest = min(self._loudness - SOFTER_BY, self._mouth.rest) if early else float("-inf")
        utterance = self._ears.hear(frame, patience, over=True, softest=softest)
        if self._over is None and not self._ears.hearing:
            self._mouth.overhear(frame.decibels)
        if utterance is not None:
            over, self._over = self._over, None
            yield from self._heard_over(utterance, over, now, arrived)
        elif self._over is None and self._ears.hearing:
            self._hold(now)
        elif self._over is None:
            self._flinch(now, stirs=early and self._ears.stirring)
        elif waits and now - self._over.since > HOLDS_FOR:
            self._release(self._over, now)

    def _has_just_begun(self, now: float) -> bool:
        """Whether who speaks now goes on with what we answer."""
        began = self._mouth.began
        return began is None or now - began <= GOES_ON_WITHIN

    def _flinch(self, now: float, *, stirs: bool) -> None:
        """Be silent at the first frame of what may be somebody who goes on.

        Whether it is speech is known two frames later, which would be too late for them; a click
        costs us a gap of a frame.
        """
        if stirs and not self._flinched:
            self._mouth.hold(now)
        elif self._flinched and not stirs:
            self._mouth.go_on(now)
        self._flinched = stirs

    def _hold(self, now: float) -> None:
        """Somebody speaks over our voice: be silent, and see to whom."""
        self._mouth.hold(now)
        self._flinched = False
        turn = self._open[0] if self._open else None
        early = self._has_just_begun(now)
        follows = turn if early and turn is not None and turn.utterance is not None else None
        self._over = _Over(now, follows)
        if follows is not None:
            self._ears.go_back()
        if follows is not None or self._barge_in == "full":
            self._mouth.give_way()

    def _release(self, over: _Over, now: float) -> None:
        if over.holding:
            over.holding = False
            self._mouth.go_on(now)

    def _heard_over(
        self, utterance: Utterance, over: _Over | None, now: float, arrived: float
    ) -> Iterator[Event]:
        over = over or _Over(now, None)
        before = (self._telling.last or over.follows.utterance) if over.follows else None
        if before is not None:
            added = utterance.text.removeprefix(before.text).strip()
            counts = bool(added) and not self._is_ours(added, utterance)
        else:
            utterance = self._with_stop_first(utterance)
            counts = self._gets_through(utterance)
        if not counts:
            self._release(over, now)
            return
        self._mouth.hush(now)
        if over.follows is not None and over.follows in self._open:
            self._open[self._open.index(over.follows)] = None
            self._telling.go_back()
        yield from self._heard(utterance, now, arrived)

    def _gets_through(self, utterance: Utterance) -> bool:
        """Whether what was said over our voice is to be answered."""
        if not utterance.text or self._is_ours(utterance.text, utterance):
            return False
        if self._barge_in == "full" or not self._mouth.sounding:
            return True
        found = self._understand(utterance)
        return found.alarm is not None or self._dialogue.ends(found)

    def _is_ours(self, text: str, utterance: Utterance) -> bool:
        """Whether these words of it are ours.

        Plain words of danger are heard through an echo. What is only near to danger is not: it is
        what a recogniser makes of what is left of us.
        """
        echo = self._ears.echo
        if self._mouth.is_ours(text, utterance.start, echo=echo):
            return True
        if not echo:
            return False
        alarm = self._understand(utterance).alarm
        return len(text.split()) < FEWEST_WORDS or alarm is None or not alarm.frame

    def _with_stop_first(self, utterance: Utterance) -> Utterance:
        """A short word over our voice, read as a stop where one of its best readings is one."""
        for reading in utterance.hypotheses[:STOP_READINGS]:
            short = len(utterance.text.split()) <= 2
            if short and self._understander.understand([reading]).intent == "stop":
                return replace(utterance, hypotheses=(reading, *utterance.hypotheses))
        return utterance

    def _patience_now(self) -> float:
        """Seconds of silence that end an utterance, by the preset and by what was said so far."""
        patience = PATIENCE[self._dialogue.person.patience]
        paused = self._ears.silence >= JUDGED_AFTER
        if paused and self._dialogue.until_done and self._telling.closes(self._so_far()):
            return CLOSED_AFTER
        if self._dialogue.patient:
            return max(patience["open"], LONG_PATIENCE)
        if not paused:
            return patience["unknown"]
        text = self._so_far()
        if text != self._judged[0]:
            self._judged = (text, self._understander.completeness(text))
        return patience[self._judged[1]]

    def _so_far(self) -> str:
        """What was heard of the utterance under way."""
        return self._ears.recogniser.partial()

    def _heard(self, utterance: Utterance, now: float, arrived: float) -> Iterator[Event]:
        asleep = self._dialogue.state == "asleep"
        if asleep and self._waking is not None and not self._waking.wakes_by_voice():
            return
        if not utterance.text or self._is_ours(utterance.text, utterance):
            return  # A cough or a door, in which no words were found; or the rest of our own voice.
        utterance = replace(utterance, loudness=_loudness(self._ears.levels))
        self._loudness = utterance.loudness or self._loudness
        found = self._understand(utterance)
        if utterance.certainty < HARDLY and not self._heeds(found):
            return
        for whole, meant in self._whole(utterance, found):
            yield from self._understood(whole, meant, now, arrived)

    def _heeds(self, hardly_heard: Understanding) -> bool:
        """Whether it counts although it was hardly heard."""
        if self._dialogue.state == "safety" or _matters(hardly_heard):
            return True  # In danger, anything but a plain no is a yes.
        return hardly_heard.known and hardly_heard.intent not in READ_INTO_NOISE

    def _whole(
        self, breath: Utterance, found: Understanding
    ) -> Iterator[tuple[Utterance, Understanding]]:
        """What is to be answered now: a breath, what was told with it, or nothing yet."""
        if not self._dialogue.until_done or _matters(found):
            self._telling.forget()
            yield breath, found
        elif self._dialogue.patient:
            self._telling.forget()
            yield from ((each, self._understand(each)) for each in self._telling.split(breath))
        elif (in_both := self._understand(both := self._telling.with_last(breath))).alarm:
            self._telling.forget()
            yield both, in_both
        elif told := self._telling.hear(breath, found):
            yield self._meant(told)

    def _meant(self, told: Told) -> tuple[Utterance, Understanding]:
        """What all of it means, or else the last breath of it that means anything."""
        whole = self._understand(told.whole)
        others = (whole, self._understand(told.last), *told.earlier)
        return told.whole, next((each for each in others if each.intent != NONE), whole)

    def _understand(self, utterance: Utterance) -> Understanding:
        return self._understander.understand(utterance.hypotheses, self._dialogue.person.ex_name)

    def _understood(
        self, utterance: Utterance, found: Understanding, now: float, arrived: float
    ) -> Iterator[Event]:
        understanding = replace(found, loudness=utterance.loudness)
        acts = self._dialogue.hear(understanding, now)
        yield from self._answer(utterance, understanding, acts, now, arrived)

    def _choose(self, acts: tuple[Act, ...]) -> None:
        """What the person chose about listening holds at once."""
        for act in acts:
            if isinstance(act, Set) and act.key == "barge_in":
                self._barge_in = cast("BargeIn", act.value)
            elif isinstance(act, Set) and act.key == "waking" and self._waking is not None:
                self._waking.mode = cast("Mode", act.value)

    def _answer(
        self,
        utterance: Utterance | None,
        understanding: Understanding | None,
        acts: tuple[Act, ...],
        now: float,
        arrived: float,
    ) -> Iterator[Event]:
        if utterance is None and not acts:
            return
        self._mouth.perform(acts, now, arrived)
        self._choose(acts)
        if acts:
            yield Decided(acts)
        reply = " ".join(act.text for act in acts if isinstance(act, Say))
        turn = Turn(understanding, utterance, reply)
        if utterance is not None:
            yield Heard(turn)
        if reply:
            self._open.append(turn)
        else:
            yield Done(turn)


def _matters(found: Understanding) -> bool:
    """Whether it is to be heeded however it was said: a stop, or danger."""
    return found.intent == "stop" or found.alarm is not None


def _loudness(levels: Sequence[float]) -> float | None:
    """DBFS that so many frames of an utterance reach; None when it had fewer."""
    loudest = sorted(levels, reverse=True)[:LOUD_FRAMES]
    return loudest[-1] if len(loudest) == LOUD_FRAMES else None
