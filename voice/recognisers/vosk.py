"""Vosk on a local model folder, verified by the store or tried out (vosk_trial.py).

Never `vosk.Model(lang=…)`: it downloads unchecked and ends the process on an unknown name. A new
KaldiRecognizer for every utterance, fed only while there is speech: one that is kept grows without
end and hears "the" in silence. N-best and word confidence exclude each other; n-best it is. Vosk's
own end of speech is not asked: turn taking is ours, and until `finish` the words stay its own.
"""

import copy
import json
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from lowtide.intents.events import Hypothesis, Word
from lowtide.models import vosk_folder
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.frames import RATE, Frame
from lowtide.voice.portaudio import silenced

N_BEST = 8
UNKNOWN = "[unk]"
"""What a model writes where it heard a word it does not know."""


class Vosk:
    """The recogniser for people who installed a Vosk model.

    Args:
        folder: An unpacked model.

    Raises:
        NoRecogniser: The folder is not a Vosk model.
    """

    def __init__(self, folder: Path) -> None:
        check_folder(folder)
        self.name = f"Vosk ({folder.name})"
        self._folder = folder
        self._grammar = ""
        with silenced():
            import vosk  # noqa: PLC0415 - loads libvosk

            vosk.SetLogLevel(-1)
            self._new = vosk.KaldiRecognizer
            try:
                self._model = vosk.Model(str(folder))
            except Exception as error:
                raise _unusable(folder) from error
            self._fresh()  # A graph that can't be used is noticed here, not in the first sentence.
        self._recogniser: Any = None

    def missing(self, words: Iterable[str]) -> tuple[str, ...]:
        """Those of these words that the model does not have, so that it can never hear them."""
        find = self._model.vosk_model_find_word
        return tuple(word for word in dict.fromkeys(words) if find(word) < 0)

    def limited(self, phrases: Sequence[str]) -> "Vosk":
        """An engine on the same model that hears these phrases and takes all else for unknown.

        A phrase with a word the model does not have is left out whole: libvosk would leave out the
        word alone, and hear half a sentence as the whole one. `missing` says which words.

        Args:
            phrases: Lower case words; at least one that the model can hear.

        Raises:
            NoRecogniser: The model has a static graph, or none of the phrases can be heard.
        """
        if not vosk_folder.dynamic(self._folder):
            raise NoRecogniser(f"{self._folder}: this model's graph can't be limited to phrases.")
        absent = set(self.missing(word for phrase in phrases for word in phrase.split()))
        known = [phrase for phrase in phrases if not absent.intersection(phrase.split())]
        if not known:
            raise NoRecogniser(
                f"{self._folder}: can hear none of the phrases; "
                f"it has no word {', '.join(sorted(absent))}."
            )
        engine = copy.copy(self)
        engine._grammar = json.dumps([*known, UNKNOWN])  # noqa: SLF001 - our own kind
        engine._recogniser = None  # noqa: SLF001
        return engine

    def start(self) -> None:
        """Begin an utterance; one under way is dropped.

        Raises:
            NoRecogniser: libvosk can't work with the model.
        """
        self._recogniser = self._fresh()

    def accept(self, frame: Frame) -> None:
        """Take in one frame of the utterance."""
        if self._recogniser is None:
            return
        try:
            self._recogniser.AcceptWaveform(frame.samples.tobytes())
        except Exception:  # noqa: BLE001 - Vosk raises nothing narrower
            # The utterance is lost and not the session: the next start has a new recogniser.
            self._recogniser = None

    def partial(self) -> str:
        """What was understood so far."""
        if self._recogniser is None:
            return ""
        return _known_words(json.loads(self._recogniser.PartialResult()).get("partial", ""))

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance: n-best, best first, each with the times of its words."""
        if self._recogniser is None:
            return ()
        result = json.loads(self._recogniser.FinalResult())
        self._recogniser = None
        return hypotheses(result.get("alternatives", []))

    def close(self) -> None:
        """Let go of the model."""
        self._recogniser = self._model = None

    def _fresh(self) -> Any:  # noqa: ANN401 - an untyped library
        limits = [self._grammar] if self._grammar else []
        try:
            made = self._new(self._model, RATE, *limits)
        except Exception as error:
            raise _unusable(self._folder) from error
        made.SetMaxAlternatives(N_BEST)
        made.SetWords(True)  # noqa: FBT003 - Vosk's own signature
        return made


def check_folder(folder: Path) -> None:
    """See that a folder is an unpacked Vosk model, before libvosk ends the process over it.

    Raises:
        NoRecogniser: It is not; the message names what is wrong.
    """
    if not folder.is_dir():
        raise NoRecogniser(f"{folder}: there is no such model folder.")
    try:
        faults = list(vosk_folder.faults(folder))
    except OSError as error:
        raise NoRecogniser(f"{folder}: can't be read: {error.strerror}.") from error
    if faults:
        raise NoRecogniser(f"{folder}: is no Vosk model: {', '.join(faults)}.")


def hypotheses(alternatives: Sequence[dict[str, Any]]) -> tuple[Hypothesis, ...]:
    """Different readings with their share of the odds; Vosk's best stays the first.

    Vosk's confidences are log likelihoods of paths: only their differences mean something. One
    text may come on several paths, with other pauses or unknown words left out; its odds add up.
    Where the best reading has no word, nothing was heard: the next best of silence is "i" or "the".

    Args:
        alternatives: As in Vosk's result, best first.
    """
    if not alternatives or not _known_words(alternatives[0]["text"]):
        return ()
    best = max(each["confidence"] for each in alternatives)
    odds: dict[str, float] = {}
    words: dict[str, tuple[Word, ...]] = {}
    for each in alternatives:
        text = _known_words(each["text"])
        odds[text] = odds.get(text, 0.0) + math.exp(each["confidence"] - best)
        words.setdefault(text, tuple(_words(each.get("result", []))))
    total = sum(odds.values())
    first = next(iter(odds))
    ranked = sorted(filter(None, odds), key=lambda text: (text != first, -odds[text]))
    return tuple(Hypothesis(text, odds[text] / total, words[text]) for text in ranked)


def _words(result: Iterable[dict[str, Any]]) -> Iterable[Word]:
    return (
        Word(each["word"], each["start"], each["end"]) for each in result if each["word"] != UNKNOWN
    )


def _known_words(text: str) -> str:
    return " ".join(word for word in text.split() if word != UNKNOWN)


def _unusable(folder: Path) -> NoRecogniser:
    return NoRecogniser(
        f"{folder}: Vosk can't work with this model; fetch one: lowtide models get speech"
    )
