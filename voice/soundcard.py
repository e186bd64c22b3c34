"""The microphone and the speaker of this machine as one source and one speaker that come back.

open ──► frames ──► lost (no frame for a second, or the worker is gone) ──► a tone, where it can
  ▲                  │ silence at real pace meanwhile, so that every timer goes on
  └── a tone, and what was cut is said again ◄── a new worker, tried with growing pauses ◄──┘
"""

import contextlib
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Self

import numpy as np

from lowtide.voice.audio_worker import Captured, Command, Failed, Opened, Play, Wanted, serve
from lowtide.voice.earcons import Earcon, earcon
from lowtide.voice.errors import NoMicrophone, NoSpeaker
from lowtide.voice.frames import FRAME_SAMPLES, FRAME_SECONDS, Frame, Samples
from lowtide.voice.speaker import Began, Playback, Sounded
from lowtide.voice.synthesis import PROMPT_RATE
from lowtide.voice.worker import Worker, WorkerLost

OPENS_WITHIN = 8.0
"""Seconds for a worker to start and to open the devices."""
FIRST_AFTER, DEAD_AFTER = 5.0, 2.0
"""Seconds without a frame after which the worker hangs, for the first one and later; it notices a
dead device by itself after 1.0."""
OVERDUE = 8.0
"""Seconds a sound may end later than its length says before the worker is given up."""
BACK_OFF = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds between two attempts, the last for ever."""
DRIFT_WINDOW = 1024
"""Frames (33 s) over which the session's second 0 is found anew: two clocks drift apart."""
TONE_HEARD_AFTER = 1.2
"""Seconds a worker that has lost the microphone lives on for its tone."""
TONE = 0
"""Number of sounds nobody waits for."""


class SoundCard:
    """Both devices, open from `with` to its end.

    Args:
        microphone: The device's name, or a part of it that only one has; None is the default.
        speaker: Likewise.
        tell: Takes one line for the person when the devices are lost or back.
        cancel_echo: Whether our voice may be in what is heard. Where it is not, to take it off
            would only blur what somebody says over it.
    """

    def __init__(
        self,
        microphone: str | None,
        speaker: str | None,
        tell: Callable[[str], None] = lambda _: None,
        *,
        cancel_echo: bool = True,
    ) -> None:
        self.microphone = ""
        """Name of the open microphone."""
        self._wanted = Wanted(microphone, speaker, cancel_echo)
        self._tell = tell
        self._numbers = TONE
        self._playing: dict[int, _Sound] = {}
        """What has not ended, by its number."""
        self._answers = 0
        """Counts what belongs together: all that sounds until it has ended or is hushed."""
        self._begun: dict[int, float] = {}
        """When each of them began to sound."""
        self._held = False
        self._ended: deque[Playback] = deque()
        self._zero = _Zero()
        self._attempts = 0
        self._within = FIRST_AFTER
        self._again_at = float("inf")
        self._open = False
        self._lost = False
        self._heard_at = time.monotonic()
        self._worker: Worker | None = None
        self._outbox: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._begin()

    def __enter__(self) -> Self:
        """Wait until both devices are open.

        Raises:
            NoMicrophone: There is none, or it can't be opened.
            NoSpeaker: Likewise.
        """
        try:
            while not self._open:
                assert self._worker is not None
                message = self._worker.receive(OPENS_WITHIN)
                if isinstance(message, Failed):
                    self.close()
                    trouble = NoMicrophone if message.part == "microphone" else NoSpeaker
                    raise trouble(message.line)
                self._note(message)
        except WorkerLost as error:
            self.close()
            raise NoMicrophone("The sound system does not answer; try: lowtide doctor") from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the worker."""
        self._outbox.put(None)
        if self._worker is not None:
            self._worker.close()
        self._worker = None

    # A source

    @property
    def lost(self) -> bool:
        """Whether nothing can be heard at present."""
        return self._lost

    def __iter__(self) -> Iterator[Frame]:
        """Frames without end; silence while the devices are lost."""
        for index, heard in enumerate(self._frames()):
            self._zero.note((index + 1) * FRAME_SECONDS)
            samples, ours = (np.frombuffer(each, np.int16) for each in (heard.samples, heard.ours))
            yield Frame(index, samples, ours)

    def _frames(self) -> Iterator[Captured]:
        silence = Captured(bytes(2 * FRAME_SAMPLES), b"")
        self._heard_at = time.monotonic()
        while True:
            if (heard := self._message()) is not None:
                self._heard_at = time.monotonic()
                yield heard
            while self._lost and time.monotonic() - self._heard_at >= FRAME_SECONDS:
                self._heard_at += FRAME_SECONDS
                yield silence

    def _message(self) -> Captured | None:
        """A frame, if one comes within its time; everything else the worker says is noted."""
        now = time.monotonic()
        if self._worker is None:
            time.sleep(FRAME_SECONDS)
            if now >= self._again_at:
                self._begin()
            return None
        try:
            if self._worker.waiting(FRAME_SECONDS if self._lost else self._within):
                message = self._worker.receive(0)
                if isinstance(message, Captured):
                    self._within = DEAD_AFTER
                    return message
                self._note(message)
            elif self._hangs(now):
                self._lose()
        except WorkerLost:
            self._lose()
        if self._overdue() or (self._lost and not self._open and now >= self._again_at):
            self._lose()
        return None

    def _hangs(self, now: float) -> bool:
        """Whether a worker that says nothing should have: it is open, or takes long to open."""
        opening = not self._open and self._again_at == float("inf")
        return self._open or (opening and now - self._begun_at > OPENS_WITHIN)

    def _note(self, message: Any) -> None:  # noqa: ANN401 - what a worker may say
        match message:
            case Opened(microphone, _):
                self.microphone = microphone
                self._open, self._again_at, self._within = True, float("inf"), FIRST_AFTER
                if self._lost:
                    self._recover()
            case Began(number, start):
                if (sound := self._playing.get(number)) is not None:
                    self._begun.setdefault(sound.answer, start)
            case Sounded(number, start, end):
                self._note_end(number, start, end)
            case Failed():
                self._announce_loss()
                # This worker can still sound: the tone is heard out before the next one begins.
                self._again_at = time.monotonic() + max(self._back_off(), TONE_HEARD_AFTER)

    # What is lost and comes back

    def _begin(self) -> None:
        self._begun_at = time.monotonic()
        self._open, self._again_at = False, float("inf")
        self._worker = Worker(serve)
        self._outbox = queue.SimpleQueue()
        threading.Thread(target=_post, args=(self._worker, self._outbox), daemon=True).start()
        self._outbox.put(self._wanted)

    def _lose(self) -> None:
        """Throw the worker away; another is begun after a while."""
        self.close()
        self._open = False
        self._announce_loss()
        self._again_at = time.monotonic() + self._back_off()

    def _announce_loss(self) -> None:
        if not self._lost:
            self._lost = True
            self._open = False
            self._tell("The microphone or the speaker is gone; waiting for it to come back.")
            self._tone("lost")

    def _recover(self) -> None:
        self._lost, self._attempts = False, 0
        self._tell(f"Hearing again, on {self.microphone}.")
        self._tone("back")
        playing, self._playing = self._playing, {}
        for number, sound in playing.items():
            self._give(number, sound.samples, sound.answer)
        if self._held:
            self._command("pause")

    def _back_off(self) -> float:
        self._attempts += 1
        return BACK_OFF[min(self._attempts, len(BACK_OFF)) - 1]

    def _tone(self, name: Earcon) -> None:
        self._command(Play(TONE, earcon(name).tobytes()))

    # A speaker

    @property
    def sounding(self) -> bool:
        """Whether something sounds, is held, or is about to sound."""
        return bool(self._playing)

    @property
    def began(self) -> float | None:
        """When what sounds began to, by the device's own account."""
        begun = self._begun.get(self._answers)
        return None if begun is None else begun - self._zero.seconds

    def play(self, samples: Samples, now: float, worked: float) -> None:  # noqa: ARG002
        """Sound these samples next; the delay is measured, not told."""
        if not self._playing:
            self._answers += 1
        self._numbers += 1
        self._give(self._numbers, samples, self._answers)

    def chime(self, name: Earcon) -> None:
        """Sound a tone that nobody waits for."""
        self._tone(name)

    def hush(self, now: float) -> None:  # noqa: ARG002
        """Silence within a block, with a fade."""
        self._held = False
        self._answers += 1
        self._command("hush")
        if self._lost:
            for number in list(self._playing):
                self._note_end(number, time.monotonic(), time.monotonic())

    def pause(self, now: float) -> None:  # noqa: ARG002
        """Hold what sounds."""
        self._held = True
        self._command("pause")

    def resume(self, now: float) -> None:  # noqa: ARG002
        """Go on with what was held."""
        self._held = False
        self._command("resume")
        playing, self._playing = self._playing, {}
        for number, sound in playing.items():
            self._playing[number] = replace(sound, due=self._due(sound.samples))

    def ended(self, now: float) -> Playback | None:  # noqa: ARG002
        """What has ended by the device's own account, once everything asked for has."""
        return self._ended.popleft() if self._ended else None

    def _give(self, number: int, samples: Samples, answer: int) -> None:
        self._playing[number] = _Sound(samples, answer, self._due(samples))
        self._command(Play(number, samples.tobytes()))

    def _due(self, samples: Samples) -> float:
        waiting = max((each.due - OVERDUE for each in self._playing.values()), default=0.0)
        return max(waiting, time.monotonic()) + len(samples) / PROMPT_RATE + OVERDUE

    def _overdue(self) -> bool:
        if self._lost or self._held or self._worker is None or self._worker.waiting():
            return False  # What waits to be read may be the end that is missed.
        return any(time.monotonic() > each.due for each in self._playing.values())

    def _note_end(self, number: int, start: float, end: float) -> None:
        sound = self._playing.pop(number, None)
        if sound is None:
            return
        began = min(self._begun.pop(sound.answer, start), start)
        if any(each.answer == sound.answer for each in self._playing.values()):
            self._begun[sound.answer] = began
        else:
            zero = self._zero.seconds
            self._ended.append(Playback(began - zero, end - zero))

    def _command(self, command: Command) -> None:
        self._outbox.put(command)


@dataclass(frozen=True)
class _Sound:
    """Something that has not ended."""

    samples: Samples
    answer: int
    due: float
    """Seconds of `time.monotonic()` at which it must have ended."""


def _post(worker: Worker, outbox: "queue.SimpleQueue[object]") -> None:
    """Send what is put into the outbox: a worker that hangs lets nobody wait but this thread."""
    with contextlib.suppress(WorkerLost):  # The loop notices by itself.
        while (message := outbox.get()) is not None:
            worker.send(message)


class _Zero:
    """The session's second 0 on the system's clock: frames come late, never early."""

    def __init__(self) -> None:
        self._before = self._lately = float("inf")
        self._frames = 0

    @property
    def seconds(self) -> float:
        """Of `time.monotonic()`."""
        earliest = min(self._before, self._lately)
        return earliest if earliest < float("inf") else time.monotonic()

    def note(self, now: float) -> None:
        """A frame that ends at the session's second `now` is here."""
        self._frames += 1
        if self._frames % DRIFT_WINDOW == 0:
            self._before, self._lately = self._lately, float("inf")
        self._lately = min(self._lately, time.monotonic() - now)
