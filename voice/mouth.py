"""Performs acts: words become prompts, prompts become sound."""

import time
from collections import deque
from collections.abc import Callable, Iterable

from lowtide.intents.acts import Act, Cue, Play, Say, Stop
from lowtide.voice.cues import tone
from lowtide.voice.echo import ALIKE, ALIKE_IN_ECHO, Spoken
from lowtide.voice.frames import Samples
from lowtide.voice.prompts import Prompts, louder
from lowtide.voice.speaker import Playback, Speaker

SHORTEST_TAIL, LONGEST_TAIL = 0.2, 1.0
"""Seconds the ears stay closed after our voice has ended, whatever was measured."""
MORE_TAIL = 0.1
"""Seconds beyond what was measured: no two sentences end alike."""
ABOVE_FLOOR = 6.0
"""dB over the room's own loudness under which our voice has faded."""
QUIET_ROOM = -60.0
"""dBFS of a room nothing is known of."""
REST_FRAMES, REST_KNOWN = 300, 60
"""Frames (10 s) of our voice over which its rest in the microphone is measured, and how many are
enough (2 s)."""
REST_MARGIN = 6.0
"""dB over the rest that was measured."""
OURS_WITHIN = 1.5
"""Seconds after our voice in which an utterance may begin with the rest of it."""


class Mouth:
    """Speaks, and knows whether it is heard.

    Args:
        prompts: Where sentences come from.
        speaker: Where they sound.
        recording: The person's own recording, None where there is none.
    """

    def __init__(
        self,
        prompts: Prompts,
        speaker: Speaker,
        recording: Callable[[], Samples | None] = lambda: None,
    ) -> None:
        self._prompts = prompts
        self._recording = recording
        self._speaker = speaker
        self._spoken = Spoken()
        self._tail = Tail()
        self._rest = Rest()
        self._yielded = False

    def deafens(self, now: float) -> bool:
        """Whether what is heard at `now` may be our own voice."""
        return not self._yielded and (self._speaker.sounding or self._tail.lasts(now))

    @property
    def sounding(self) -> bool:
        """Whether our voice sounds, is held or is about to sound."""
        return self._speaker.sounding

    @property
    def began(self) -> float | None:
        """When what sounds began to; None before it does."""
        return self._speaker.began

    def perform(self, acts: Iterable[Act], now: float, arrived: float) -> None:
        """Do what the core asks for.

        Args:
            acts: In this order.
            now: Seconds on the session's clock.
            arrived: `time.perf_counter()` when the frame of `now` came.
        """
        for act in acts:
            match act:
                case Say():
                    self._yielded = False
                    self._spoken.said(act.text)
                    samples = self._prompts.render(act)
                    self._speaker.play(samples, now, time.perf_counter() - arrived)
                case Cue(breath, gain):
                    samples = tone(breath, gain)
                    self._speaker.play(samples, now, time.perf_counter() - arrived)
                case Play(gain):
                    if (own := self._recording()) is not None:
                        samples = louder(own, gain)
                        self._speaker.play(samples, now, time.perf_counter() - arrived)
                case Stop():
                    self._speaker.hush(now)
                case _:
                    pass  # Nothing to be heard.

    def hold(self, now: float) -> None:
        """Be silent in the middle of a word: somebody may be speaking."""
        self._speaker.pause(now)

    def go_on(self, now: float) -> None:
        """Say the rest: nobody was speaking to us."""
        self._yielded = False
        self._speaker.resume(now)

    def give_way(self) -> None:
        """Listen from now on although our voice is held."""
        self._yielded = True

    def hush(self, now: float) -> None:
        """Never say the rest."""
        self._speaker.hush(now)

    def is_ours(self, text: str, start: float, *, echo: bool) -> bool:
        """Whether an utterance that began at `start` is a rest of our own voice, by its words.

        Args:
            text: What was heard.
            start: Seconds on the session's clock.
            echo: Whether it sounded like ours.
        """
        alike = ALIKE_IN_ECHO if echo else ALIKE
        may_be = self._speaker.sounding or start < self._tail.end + OURS_WITHIN
        return may_be and self._spoken.is_ours(text, alike)

    def hear(self, decibels: float, now: float) -> None:
        """How loud it is now: so the room's tail is measured."""
        self._tail.hear(decibels, now, sounding=self._speaker.sounding)

    def overhear(self, decibels: float) -> None:
        """How loud a frame is in which our voice sounds and nobody seems to speak."""
        self._rest.hear(decibels)

    @property
    def rest(self) -> float:
        """What is left of our voice in the microphone stays under so many dBFS."""
        return self._rest.loudest

    def ended(self, now: float) -> Playback | None:
        """What our voice has ended saying by `now`."""
        playback = self._speaker.ended(now)
        if playback is not None:
            # A timeline reports its computing too, which would keep the ears closed for longer.
            self._tail.begin(min(playback.end, now))
            if not self._speaker.sounding:
                self._yielded = False
        return playback


class Tail:
    """How long the room carries our voice after its end, measured at each end.

    The ears are closed for so long. The first time it is waited until the room has fallen silent;
    afterwards for the shortest of the last few tails, because a longer one may have been somebody's
    answer.
    """

    def __init__(self) -> None:
        self.end = float("-inf")
        """When our voice has last ended, on the session's clock."""
        self._measuring = False
        self._measured: deque[float] = deque(maxlen=3)
        self._quiet: deque[float] = deque(maxlen=100)

    def begin(self, end: float) -> None:
        """Our voice has ended."""
        self.end, self._measuring = end, True

    def hear(self, decibels: float, now: float, *, sounding: bool) -> None:
        """Take in a frame's loudness in dBFS."""
        since = now - self.end
        if sounding:
            self._measuring = False
        elif not self._measuring:
            self._quiet.append(decibels)
        elif decibels < self._floor + ABOVE_FLOOR or since >= LONGEST_TAIL:
            self._measured.append(min(since, LONGEST_TAIL))
            self._measuring = False

    def lasts(self, now: float) -> bool:
        """Whether the ears are to stay closed."""
        since = now - self.end
        if not self._measured:
            return self._measuring and since < LONGEST_TAIL
        return since < min(max(min(self._measured) + MORE_TAIL, SHORTEST_TAIL), LONGEST_TAIL)

    @property
    def _floor(self) -> float:
        """The room's own loudness: what is exceeded nine times of ten, once something was heard."""
        if not self._quiet:
            return QUIET_ROOM
        return sorted(self._quiet)[len(self._quiet) // 10]


class Rest:
    """How loud our own voice still is in what is heard: nothing with headphones."""

    def __init__(self) -> None:
        self._levels: deque[float] = deque(maxlen=REST_FRAMES)

    def hear(self, decibels: float) -> None:
        """Take in a frame's loudness in dBFS."""
        self._levels.append(decibels)

    @property
    def loudest(self) -> float:
        """dBFS; what one frame in twenty exceeds may have been the beginning of somebody's word."""
        if len(self._levels) < REST_KNOWN:
            return float("inf")
        return sorted(self._levels)[len(self._levels) * 19 // 20] + REST_MARGIN
