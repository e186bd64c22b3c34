"""A session whose microphone and speaker are far away, at the other end of an ordered connection.

What comes from there comes in one line: sound, and word of what the far speaker does. So the end of
our voice is known on the clock of the frames, and the ears stay closed exactly until then.

    sound ──► Line ──► frames ──► the loop ──► FarSpeaker ──► sound
                └── "began 3", "ended 3", "stop" ──► FarSpeaker, Talking
"""

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import soxr

from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Understanding
from lowtide.intents.understanding import Understander
from lowtide.voice.ears import Ears
from lowtide.voice.frames import FRAME_SECONDS, RATE, Frame, Samples, framed
from lowtide.voice.mouth import Mouth
from lowtide.voice.prompts import Prompts
from lowtide.voice.recognisers import Recogniser
from lowtide.voice.session import Event, Session
from lowtide.voice.speaker import Playback
from lowtide.voice.synthesis import PROMPT_RATE

LONGEST_LAG = 10.0
"""Seconds of sound that may wait for the loop; then the connection is given up."""
GIVEN_UP = 5.0
"""Seconds after which a sound must have ended whose end nobody told."""
DEAD_AFTER = 10.0
"""Seconds without anything from the other end after which it is gone."""


@dataclass(frozen=True)
class Word:
    """What the far end says of itself."""

    what: str
    """"began", "ended" or "stop"."""
    number: int = 0
    """Of the sound that began or ended."""


class Line:
    """What comes from the other end, in order: sound in its own rate, and words.

    Args:
        rate: Samples per second of the far microphone.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.closed = False
        """Whether nothing comes any more."""
        self._things: queue.SimpleQueue[Samples | Word | None] = queue.SimpleQueue()
        self._waiting = 0

    def put(self, thing: Samples | Word) -> bool:
        """Take in what came; false when too much is waiting to be worked."""
        if isinstance(thing, np.ndarray):
            self._waiting += len(thing)
        self._things.put(thing)
        return self._waiting / self.rate < LONGEST_LAG

    def close(self) -> None:
        """Nothing more comes."""
        self._things.put(None)

    def __iter__(self) -> Iterator[Samples | Word]:
        """What came, until it is closed or silent for too long."""
        while not self.closed:
            try:
                thing = self._things.get(timeout=DEAD_AFTER)
            except queue.Empty:
                thing = None
            if thing is None:
                self.closed = True
                return
            if isinstance(thing, np.ndarray):
                self._waiting -= len(thing)
            yield thing


class FarSpeaker:
    """A speaker at the other end: it is told what to sound, and tells when that began and ended.

    Args:
        line: Where its words come from.
        send: Sends a numbered sound of `PROMPT_RATE`.
        hush: Tells it to be silent.
        hold: Tells it to hold what sounds, or to go on with it.
    """

    def __init__(
        self,
        line: Line,
        send: Callable[[int, Samples], None],
        hush: Callable[[], None],
        hold: Callable[[bool], None],
    ) -> None:
        self._line = line
        self._send = send
        self._hush = hush
        self._hold = hold
        self._held: float | None = None
        """Since when it is held."""
        self._number = self._first = 0
        """Of the latest sound, and of the first since it was silent."""
        self._last_due = 0.0
        self._start: float | None = None
        self._over = False

    @property
    def sounding(self) -> bool:
        """Whether something sounds or is about to."""
        return self._start is not None

    @property
    def began(self) -> float | None:
        """When what sounds was sent."""
        return self._start

    def play(self, samples: Samples, now: float, worked: float) -> None:  # noqa: ARG002
        """Sound these samples once what sounds now has ended."""
        if not len(samples):
            return
        self._number += 1
        self._over = False
        if self._start is None:
            self._start = self._last_due = now
            self._first = self._number
        self._last_due += len(samples) / PROMPT_RATE
        self._send(self._number, samples)

    def hush(self, now: float) -> None:  # noqa: ARG002
        """Silence; the end is told as that of any sound."""
        if self.sounding:
            self._held = None
            self._hush()

    def pause(self, now: float) -> None:
        """Hold what sounds."""
        if self.sounding and self._held is None:
            self._held = now
            self._hold(True)  # noqa: FBT003 - what is held, and what goes on, is one word

    def resume(self, now: float) -> None:
        """Go on with what was held."""
        if self._held is not None:
            self._last_due += now - self._held
            self._held = None
            self._hold(False)  # noqa: FBT003

    def ended(self, now: float) -> Playback | None:
        """What has ended by now."""
        if self._start is None or (self._held is not None and not self._line.closed):
            return None
        if not (self._over or self._line.closed or now > self._last_due + GIVEN_UP):
            return None
        playback = Playback(self._start, now)
        self._start = None
        return playback

    def told(self, word: Word, now: float) -> None:
        """The far end says that a sound began or ended."""
        if word.what == "began" and word.number == self._first and self._start is not None:
            self._start = now
        if word.what == "ended" and word.number == self._number:
            self._over = True


class Talking:
    """The loop with a far microphone and a far speaker; runs in a thread of its own.

    Args:
        line: What comes from the other end.
        speaker: What sounds there.
        dialogue: The conversation, which may have begun on an earlier connection.
        since: Seconds since the dialogue began.
        recording: The person's own recording, None where there is none.
    """

    def __init__(  # noqa: PLR0913
        self,
        line: Line,
        speaker: FarSpeaker,
        dialogue: Dialogue,
        since: float,
        *,
        recogniser: Recogniser,
        understander: Understander,
        prompts: Prompts,
        recording: Callable[[], Samples | None] = lambda: None,
    ) -> None:
        self._line = line
        self._speaker = speaker
        self._dialogue = dialogue
        self._first = round(since / FRAME_SECONDS)
        self._now = since
        self._mouth = Mouth(prompts, speaker, recording)
        self._session = Session(Ears(recogniser), understander, dialogue, self._mouth)

    def events(self, *, greet: bool) -> Iterator[Event]:
        """What happens, until the other end is gone."""
        yield from self._session.converse(self, greet=greet)

    def __iter__(self) -> Iterator[Frame]:
        """Frames of what comes, numbered on from where the dialogue was left."""
        for frame in framed(self._sound()):
            moved = replace(frame, index=frame.index + self._first)
            self._now = moved.end
            yield moved

    def _sound(self) -> Iterator[Samples]:
        rate = self._line.rate
        resample = soxr.ResampleStream(rate, RATE, 1, dtype="int16")
        for thing in self._line:
            if isinstance(thing, Word):
                self._told(thing)
            else:
                yield thing if rate == RATE else resample.resample_chunk(thing)

    def _told(self, word: Word) -> None:
        if word.what != "stop":
            self._speaker.told(word, self._now)
            return
        acts = self._dialogue.hear(Understanding("stop", "stop", 1.0), self._now)
        self._mouth.perform(acts, self._now, time.perf_counter())
