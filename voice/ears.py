"""Puts voice activity, turns and the recogniser together: frames in, utterances out."""

from collections import deque
from collections.abc import Iterable

from lowtide.intents.events import Utterance
from lowtide.voice.activity import VoiceActivity
from lowtide.voice.echo import LATEST, is_echo
from lowtide.voice.frames import FRAME_SECONDS, Frame
from lowtide.voice.recognisers import Recogniser
from lowtide.voice.turns import ONSET_FRAMES, SpeechEnded, SpeechStarted, TurnTaker

PRE_ROLL = 10
"""Frames (320 ms) before the onset that are decoded too, so that the first syllable survives."""

OVER_ONSET = 0.6
"""Probability from which a frame begins speech while our own voice sounds: its rest stays below."""


class Ears:
    """Hears utterances. Nothing is decoded while nobody speaks.

    Args:
        recogniser: The engine.
    """

    def __init__(self, recogniser: Recogniser) -> None:
        self.recogniser = recogniser
        self.decoded_frames = 0
        """Frames given to the recogniser so far."""
        self.levels: list[float] = []
        """dBFS of the frames of the utterance under way."""
        self.echo = False
        """Whether our own voice was in the last utterance."""
        self._activity = VoiceActivity()
        self._turns = TurnTaker()
        self._pre_roll: deque[Frame] = deque(maxlen=PRE_ROLL + ONSET_FRAMES)
        self._lately: deque[Frame] = deque(maxlen=PRE_ROLL + ONSET_FRAMES + LATEST)
        self._earlier: tuple[Frame, ...] = ()
        """What went before the utterance under way; our voice in it may come back late."""
        self._start = 0.0
        self._frames: list[Frame] = []
        self._before: tuple[Frame, ...] = ()

    @property
    def hearing(self) -> bool:
        """Whether an utterance is under way."""
        return self._turns.speaking

    @property
    def stirring(self) -> bool:
        """Whether an utterance may be beginning."""
        return self._turns.stirring

    @property
    def silence(self) -> float:
        """Seconds of silence in the utterance under way."""
        return self._turns.silence

    def hear(
        self, frame: Frame, patience: float, *, over: bool = False, softest: float = -96.0
    ) -> Utterance | None:
        """Take in one frame; the utterance that ended with it, if one did.

        Args:
            frame: The next one.
            patience: Seconds of silence that end an utterance at this moment.
            over: Whether our own voice sounds, and a rest of it is in the frame.
            softest: dBFS that speech must reach to begin over our voice; its rest is softer.
        """
        probability = self._activity.probability(frame)
        self._pre_roll.append(frame)
        self._lately.append(frame)
        if over and not self.hearing:
            loudest = max(each.decibels for each in list(self._pre_roll)[-ONSET_FRAMES:])
            if probability < OVER_ONSET or loudest < softest:
                probability = 0.0
        turn = self._turns.hear(frame.index, probability, patience)
        if isinstance(turn, SpeechStarted):
            self._begin(turn.frame * FRAME_SECONDS, self._pre_roll)
        elif isinstance(turn, SpeechEnded):
            return self._finish(turn.frame * FRAME_SECONDS)
        elif self._turns.speaking:
            self._accept(frame)
        return None

    def go_back(self) -> None:
        """What is under way goes on with the utterance before it: both are heard as one."""
        frames = (*self._before, *self._frames)
        self._begin(frames[0].start, frames)
        self._turns.resume(frames[0].index, frames[-1].index)

    def _begin(self, start: float, frames: Iterable[Frame]) -> None:
        self._start = start
        self.recogniser.start()
        begun, self._frames, self.levels = tuple(frames), [], []
        self._earlier = tuple(each for each in self._lately if each.index < begun[0].index)
        for frame in begun:
            self._accept(frame)

    def _accept(self, frame: Frame) -> None:
        self.recogniser.accept(frame)
        self._frames.append(frame)
        self.levels.append(frame.decibels)
        self.decoded_frames += 1

    def _finish(self, end: float) -> Utterance:
        self._before = tuple(self._frames)
        self.echo = is_echo((*self._earlier, *self._before))
        return Utterance(self._start, end, self.recogniser.finish())
