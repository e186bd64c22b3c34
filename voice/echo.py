"""Our own voice in the microphone: taken off by WebRTC's canceller, and known by sound and words.

The first leaves a rest, much of it where the delay has just changed: a device skipped, headphones
were pulled out. The others catch what the rest became.
"""

from collections import deque
from collections.abc import Sequence

import numpy as np
from rapidfuzz import fuzz

from lowtide.voice.frames import FRAME_SAMPLES, FRAME_SECONDS, RATE, Frame, Samples

STEP = RATE // 100
"""Samples the canceller takes at a time: 10 ms."""
ACTIVE_FOR = 1.5
"""Seconds for which it goes on after our last sound: the longest delay and the room's own tail."""
MOST_AHEAD = RATE // 4
"""Samples (250 ms) of our voice that may wait for the microphone's, when the clocks drift apart."""
LATEST = round(0.6 / FRAME_SECONDS)
"""Frames after which nothing of our voice comes back any more."""
MATCHED_IN = round(4.0 / FRAME_SECONDS)
"""Frames of an utterance that are compared with our voice, from the first that may hold it."""
VOICE_BAND = (200.0, 6000.0)
"""Hz in which a microphone and a small loudspeaker both work."""
PEAK = 24.0
"""Height of the correlation's peak over its own mean from which a sound is ours. What people said
over our voice reached 22, nineteen of twenty of our rests 35; docs/realtime.md."""
ALIKE = 80.0
"""Of 100: likeness of words from which what was heard is what we have just said."""
ALIKE_IN_ECHO = 50.0
"""The same where the sound is ours too."""
FEWEST_WORDS = 3
"""Under which words alone prove nothing: "yes" may be anybody's."""


class EchoCanceller:
    """WebRTC's AEC3 over frames of 512 samples; it learns the room as we speak.

    It works only while our voice can be heard, so a quiet room costs nothing and is not changed.
    """

    def __init__(self) -> None:
        from pywebrtc_audio import AudioProcessor  # noqa: PLC0415 - only who hears itself loads it

        self._processor = AudioProcessor(
            sample_rate=RATE,
            noise_suppression=False,
            echo_cancellation=True,
            auto_gain_control=False,
            stream_delay_ms=0,
        )
        self._ours = np.zeros(0, np.int16)
        self._near = np.zeros(0, np.int16)
        self._clean = np.zeros(0, np.int16)
        self._silent: float = ACTIVE_FOR

    def clean(self, near: Samples, ours: Samples) -> Samples:
        """A frame of the microphone without our voice, up to 10 ms late.

        Args:
            near: 512 samples of the microphone.
            ours: What went out since the last frame, any number of samples of 16 kHz.
        """
        self._silent = 0.0 if ours.any() else self._silent + len(near) / RATE
        if self._silent >= ACTIVE_FOR:
            self._ours, self._near, self._clean = ours[:0], near[:0], near[:0]
            return near
        self._near = np.concatenate((self._near, near))
        self._ours = np.concatenate((self._ours, ours))[-MOST_AHEAD - len(self._near) :]
        missing = len(self._near) - len(self._ours)
        if missing > 0:
            self._ours = np.pad(self._ours, (0, missing))
        ready = len(self._near) // STEP * STEP
        steps = [
            self._processor.process(self._near[at : at + STEP], self._ours[at : at + STEP])
            for at in range(0, ready, STEP)
        ]
        self._near, self._ours = self._near[ready:], self._ours[ready:]
        self._clean = np.concatenate((self._clean, *steps))
        late = FRAME_SAMPLES - len(self._clean)
        if late > 0:  # Once, at its beginning: a frame is no multiple of a step.
            self._clean = np.concatenate((near[:late], self._clean))
        frame, self._clean = self._clean[:FRAME_SAMPLES], self._clean[FRAME_SAMPLES:]
        return frame


def is_echo(frames: Sequence[Frame]) -> bool:
    """Whether our own voice is in these frames, some time after it went out.

    By the generalised cross-correlation with phase transform (Knapp and Carter 1976): where one
    delay explains much of the sound, there is a peak, and another voice makes none.

    Args:
        frames: An utterance, with at least `LATEST` frames before it.
    """
    ours = [_ours(each) for each in frames]
    sounding = [at for at, each in enumerate(ours) if each.any()]
    if not sounding:
        return False
    first = max(sounding[0], LATEST)
    near = np.concatenate([each.samples for each in frames[first:][:MATCHED_IN]] or [ours[0][:0]])
    far = np.concatenate(ours[first - LATEST : first + MATCHED_IN])
    return bool(_peak(near, far) >= PEAK)


def _ours(frame: Frame) -> Samples:
    if frame.ours is None or not len(frame.ours):
        return np.zeros(FRAME_SAMPLES, np.int16)
    return frame.ours


def _peak(near: Samples, far: Samples) -> float:
    """How far the best of the delays up to `LATEST` stands out."""
    size = 1 << (len(near) + len(far)).bit_length()
    cross = np.fft.rfft(near, size) * np.conj(np.fft.rfft(far, size))
    loud = np.abs(cross)
    phases = cross / (loud + 1e-3 * loud.max() + 1e-9)
    frequencies = np.fft.rfftfreq(size, 1 / RATE)
    phases[(frequencies < VOICE_BAND[0]) | (frequencies > VOICE_BAND[1])] = 0
    correlation = np.abs(np.fft.irfft(phases, size))
    lead = len(far) - len(near)
    mean = float(np.sqrt(np.mean(correlation**2)))
    return float(correlation[np.arange(-max(0, lead), 1)].max()) / mean if mean > 0 else 0.0


class Spoken:
    """What we have said lately, to know it again when it is heard."""

    def __init__(self) -> None:
        self._lately: deque[str] = deque(maxlen=3)

    def said(self, text: str) -> None:
        """These words of ours sound."""
        self._lately.append(_words(text))

    def is_ours(self, heard: str, alike: float = ALIKE) -> bool:
        """Whether what was heard is nearly what was just said, or a part of it."""
        words = _words(heard)
        if len(words.split()) < FEWEST_WORDS:
            return False
        return any(
            len(words) <= len(said) + 5 and fuzz.partial_ratio(words, said) >= alike
            for said in self._lately
        )


def _words(text: str) -> str:
    return "".join(each for each in text.lower() if each.isalpha() or each in " '").strip()
