"""The loop: a frame comes in at the source and leaves at the speaker, and nothing turns back.

One thread, one clock counted in frames; a microphone and a recording go through it alike.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lowtide.intents.acts import Act, Say
from lowtide.intents.completeness import Completeness, completeness
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Understanding, Utterance
from lowtide.intents.understanding import Understander
from lowtide.voice.ears import Ears
from lowtide.voice.frames import FRAME_SAMPLES, Frame, FrameSource
from lowtide.voice.mouth import Mouth
from lowtide.voice.settings import BargeIn
from lowtide.voice.speaker import Playback
from lowtide.voice.turns import JUDGED_AFTER, LONG_PATIENCE, PATIENCE
from lowtide.voice.waking import Waking


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
SILENCE = np.zeros(FRAME_SAMPLES, np.int16)
GOES_ON_WITHIN = 1.2
"""Seconds after the beginning of an answer in which speech belongs to the utterance before it."""
OVER_PATIENCE = 0.4
"""Seconds of silence that end what is said over our voice: a stop is one word."""
SOFTER_BY = 12.0
"""dB by which who goes on may be softer than a second ago; what is left of our own voice is softer
still. A "stop" may be as soft as it likes."""
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
        understander: Understander,
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
        self._judged: tuple[str, Completeness] = ("", "unknown")
        self._open: deque[Turn | None] = deque()
        """Turns whose answers sound or wait; None where the answer gave way to one that follows."""
        self._answered_at = float("-inf")
        self._over: _Over | None = None
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
        while self._ears.hearing or self._open:
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
        if not self._ears.hearing and not self._mouth.sounding:
            yield from self._answer(None, None, self._dialogue.tick(now), now, arrived)
            yield from self._tire(now, arrived)
        elif self._waking is not None:
            self._waking.heard(now)
        yield Listening(now, frame.decibels, self._ears.hearing, self._mouth.sounding)

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
        if self._over is None and not self._mouth.sounding:
            self._ears.close_gate()
            return
        follows = self._over is not None and self._over.follows is not None
        waits = self._barge_in == "stop" and not follows
        patience = OVER_PATIENCE if waits else self._patience_now()
        early = now - self._answered_at <= GOES_ON_WITHIN
        softest = self._loudness - SOFTER_BY if early else float("-inf")
        utterance = self._ears.hear(frame, patience, over=True, softest=softest)
        if utterance is not None:
            over, self._over = self._over, None
            yield from self._heard_over(utterance, over, now, arrived)
        elif self._over is None and self._ears.hearing:
            self._hold(now)
        elif self._over is not None and waits and now - self._over.since > HOLDS_FOR:
            self._release(self._over, now)

    def _hold(self, now: float) -> None:
        """Somebody speaks over our voice: be silent, and see to whom."""
        self._mouth.hold(now)
        turn = self._open[0] if self._open else None
        early = now - self._answered_at <= GOES_ON_WITHIN
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
        before = over.follows.utterance if over.follows is not None else None
        if before is not None:
            added = utterance.text.removeprefix(before.text).strip()
            counts = bool(added) and not self._mouth.is_ours(added, utterance.start)
        else:
            utterance = self._with_stop_first(utterance)
            counts = self._gets_through(utterance)
        if not counts:
            self._release(over, now)
            return
        self._mouth.hush(now)
        if over.follows is not None and over.follows in self._open:
            self._open[self._open.index(over.follows)] = None
        yield from self._heard(utterance, now, arrived)

    def _gets_through(self, utterance: Utterance) -> bool:
        """Whether what was said over our voice is to be answered."""
        if not utterance.text or self._mouth.is_ours(utterance.text, utterance.start):
            return False
        if self._barge_in == "full" or not self._mouth.sounding:
            return True
        found = self._understander.understand(utterance.hypotheses)
        return found.intent == "stop" or found.alarm is not None

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
        if self._dialogue.patient:
            return max(patience["open"], LONG_PATIENCE)
        if self._ears.silence < JUDGED_AFTER:
            return patience["unknown"]
        text = self._ears.recogniser.partial()
        if text != self._judged[0]:
            self._judged = (text, completeness(text, known=self._understander.knows(text)))
        return patience[self._judged[1]]

    def _heard(self, utterance: Utterance, now: float, arrived: float) -> Iterator[Event]:
        asleep = self._dialogue.state == "asleep"
        if asleep and self._waking is not None and not self._waking.wakes_by_voice():
            return
        if not utterance.text or self._mouth.is_ours(utterance.text, utterance.start):
            return  # A cough or a door, in which no words were found; or the rest of our own voice.
        utterance = replace(utterance, loudness=_loudness(self._ears.levels))
        self._loudness = utterance.loudness or self._loudness
        ex_name = self._dialogue.person.ex_name
        found = self._understander.understand(utterance.hypotheses, ex_name)
        understanding = replace(found, loudness=utterance.loudness)
        acts = self._dialogue.hear(understanding, now)
        yield from self._answer(utterance, understanding, acts, now, arrived)

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
        self._answered_at = now
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


def _loudness(levels: Sequence[float]) -> float | None:
    """DBFS that so many frames of an utterance reach; None when it had fewer."""
    loudest = sorted(levels, reverse=True)[:LOUD_FRAMES]
    return loudest[-1] if len(loudest) == LOUD_FRAMES else None
