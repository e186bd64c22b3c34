"""Performs acts: words become prompts, prompts become sound."""

import time
from collections.abc import Callable, Iterable

from lowtide.intents.acts import Act, Cue, Play, Say, Stop
from lowtide.voice.cues import tone
from lowtide.voice.frames import Samples
from lowtide.voice.prompts import Prompts, louder
from lowtide.voice.speaker import Playback, Speaker

TAIL = 0.35
"""Seconds the ears stay closed after our voice has ended: the room still carries it."""


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
        self._deaf_until = 0.0

    def deafens(self, now: float) -> bool:
        """Whether what is heard at `now` may be our own voice."""
        return self._speaker.sounding or now < self._deaf_until

    @property
    def sounding(self) -> bool:
        """Whether our voice sounds or is about to."""
        return self._speaker.sounding

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

    def ended(self, now: float) -> Playback | None:
        """What our voice has ended saying by `now`."""
        playback = self._speaker.ended(now)
        if playback is not None:
            self._deaf_until = now + TAIL
        return playback
