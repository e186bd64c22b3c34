"""Puts voice activity, turns and the recogniser together: frames in, utterances out."""

from collections import deque

from lowtide.intents.events import Utterance
from lowtide.voice.activity import VoiceActivity
from lowtide.voice.frames import FRAME_SECONDS, Frame
from lowtide.voice.recognisers import Recogniser
from lowtide.voice.turns import ONSET_FRAMES, SpeechEnded, SpeechStarted, TurnTaker

PRE_ROLL = 10
"""Frames (320 ms) before the onset that are decoded too, so that the first syllable survives."""


class Ears:
    """Hears utterances. Nothing is decoded while nobody speaks.

    Args:
        recogniser: The engine.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        self.recogniser = recogniser
        self.decoded_frames = 0
        """Frames given to the recogniser so far."""
        self._activity = VoiceActivity()
        self._turns = TurnTaker()
        self._pre_roll: deque[Frame] = deque(maxlen=PRE_ROLL + ONSET_FRAMES)
        self._start = 0.0

    @property
    def hearing(self) -> bool:
        """Whether an utterance is under way."""
        return self._turns.speaking

    @property
    def silence(self) -> float:
        """Seconds of silence in the utterance under way."""
        return self._turns.silence

    def hear(self, frame: Frame, patience: float) -> Utterance | None:
        """Take in one frame; the utterance that ended with it, if one did.

        Args:
            frame: The next one.
            patience: Seconds of silence that end an utterance at this moment.
        """
        probability = self._activity.probability(frame)
        self._pre_roll.append(frame)
        turn = self._turns.hear(frame.index, probability, patience)
        if isinstance(turn, SpeechStarted):
            self._start = turn.frame * FRAME_SECONDS
            self.recogniser.start()
            for earlier in self._pre_roll:
                self._accept(earlier)
        elif isinstance(turn, SpeechEnded):
            return self._finish(turn.frame * FRAME_SECONDS)
        elif self._turns.speaking:
            self._accept(frame)
        return None

    def close_gate(self) -> None:
        """Forget what is under way: our own voice begins."""
        self._turns.reset()
        self._activity.reset()
        self._pre_roll.clear()

    def _accept(self, frame: Frame) -> None:
        self.recogniser.accept(frame)
        self.decoded_frames += 1

    def _finish(self, end: float) -> Utterance:
        return Utterance(self._start, end, self.recogniser.finish())
