"""The loop: a frame comes in at the source and leaves at the speaker, and nothing turns back.

One thread, one clock counted in frames; a microphone and a recording go through it alike.
"""

import time
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
from lowtide.voice.turns import JUDGED_AFTER, LONG_PATIENCE, PATIENCE


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


class Session:
    """One conversation.

    Args:
        ears: Hear utterances.
        understander: Says what they mean.
        dialogue: Decides what is answered.
        mouth: Says it.
    """

    def __init__(
        self,
        ears: Ears,
        understander: Understander,
        dialogue: Dialogue,
        mouth: Mouth,
    ) -> None:
        self._ears = ears
        self._understander = understander
        self._dialogue = dialogue
        self._mouth = mouth
        self._levels: list[float] = []
        self._judged: tuple[str, Completeness] = ("", "unknown")
        self._open: Turn | None = None

    def converse(self, source: FrameSource, *, greet: bool = False) -> Iterator[Event]:
        """Hear a source to its end, and then silence until everything is answered and said."""
        if greet:
            yield from self._answer(None, None, self._dialogue.greet(), 0.0, time.perf_counter())
        index = -1
        for frame in source:
            index = frame.index
            yield from self._step(frame)
        while self._ears.hearing or self._open is not None:
            index += 1
            yield from self._step(Frame(index, SILENCE))

    def _step(self, frame: Frame) -> Iterator[Event]:
        arrived, now = time.perf_counter(), frame.end
        if playback := self._mouth.ended(now):
            if self._open is not None:
                done = replace(self._open, reply_start=playback.start, reply_end=playback.end)
                self._open = None
                yield Done(done)
            yield from self._answer(None, None, self._dialogue.said(now), now, arrived)
        if self._mouth.deafens(now):
            self._ears.close_gate()
        elif utterance := self._ears.hear(frame, self._patience_now()):
            yield from self._heard(
                replace(utterance, loudness=_loudness(self._levels)), now, arrived
            )
        if self._ears.hearing:
            self._levels.append(frame.decibels)
        else:
            self._levels.clear()
        if not self._ears.hearing and not self._mouth.sounding:
            yield from self._answer(None, None, self._dialogue.tick(now), now, arrived)
        yield Listening(now, frame.decibels, self._ears.hearing, self._mouth.sounding)

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
        if not utterance.text:
            return  # A cough or a door: the recogniser found no words in it.
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
        if acts:
            yield Decided(acts)
        reply = " ".join(act.text for act in acts if isinstance(act, Say))
        turn = Turn(understanding, utterance, reply)
        if utterance is not None:
            yield Heard(turn)
        if reply:
            self._open = turn
        else:
            yield Done(turn)


def _loudness(levels: Sequence[float]) -> float | None:
    """DBFS that so many frames of an utterance reach; None when it had fewer."""
    loudest = sorted(levels, reverse=True)[:LOUD_FRAMES]
    return loudest[-1] if len(loudest) == LOUD_FRAMES else None
