"""Vosk on a verified local model folder.

Never `vosk.Model(lang=…)`: it downloads unchecked and ends the process on an unknown name. A new
KaldiRecognizer for every utterance, fed only while there is speech: one that is kept grows without
end and hears "the" in silence. N-best and word confidence exclude each other; n-best it is.
"""

import json
import math
from pathlib import Path
from typing import Any

from lowtide.intents.events import Hypothesis
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.frames import RATE, Frame
from lowtide.voice.portaudio import silenced

N_BEST = 8
NEEDED = ("am/final.mdl", "conf/mfcc.conf", "conf/model.conf")
"""Files without which libvosk ends the process instead of raising."""
GRAPHS = (("graph/HCLG.fst",), ("graph/HCLr.fst", "graph/Gr.fst"))
"""A model has one static graph, or the two halves of a dynamic one."""


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
        with silenced():
            import vosk  # noqa: PLC0415 - loads libvosk

            vosk.SetLogLevel(-1)
            try:
                self._model = vosk.Model(str(folder))
            except Exception as error:
                raise NoRecogniser(
                    f"{folder}: Vosk can't load this model; fetch it again: lowtide models get"
                ) from error
        self._new = vosk.KaldiRecognizer
        self._recogniser: Any = None
        self._partial = ""

    def start(self) -> None:
        """Begin an utterance; one under way is dropped."""
        with silenced():
            self._recogniser = self._new(self._model, RATE)
        self._recogniser.SetMaxAlternatives(N_BEST)
        self._partial = ""

    def accept(self, frame: Frame) -> None:
        """Take in one frame of the utterance."""
        self._recogniser.AcceptWaveform(frame.samples.tobytes())

    def partial(self) -> str:
        """What was understood so far."""
        return str(json.loads(self._recogniser.PartialResult()).get("partial", ""))

    def finish(self) -> tuple[Hypothesis, ...]:
        """End the utterance: n-best, best first."""
        result = json.loads(self._recogniser.FinalResult())
        self._recogniser = None
        return _hypotheses(result.get("alternatives", []))

    def close(self) -> None:
        """Let go of the model."""
        self._recogniser = self._model = None


def check_folder(folder: Path) -> None:
    """See that a folder is an unpacked Vosk model, before libvosk ends the process over it.

    Raises:
        NoRecogniser: It is not; the message names what is missing.
    """
    if not folder.is_dir():
        raise NoRecogniser(f"{folder}: there is no such model folder.")
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if not missing and not any(
        all((folder / name).is_file() for name in graph) for graph in GRAPHS
    ):
        missing = ["graph/HCLG.fst"]
    if missing:
        raise NoRecogniser(f"{folder}: is no Vosk model: {', '.join(missing)} is missing.")


def _hypotheses(alternatives: list[dict[str, Any]]) -> tuple[Hypothesis, ...]:
    """Readings with their share of the odds: Vosk's confidences are unnormalised log scores."""
    heard = [each for each in alternatives if each["text"].replace("[unk]", "").strip()]
    if not heard:
        return ()
    best = max(each["confidence"] for each in heard)
    odds = [math.exp(each["confidence"] - best) for each in heard]
    return tuple(
        Hypothesis(each["text"].replace("[unk]", "").strip(), odd / sum(odds))
        for each, odd in zip(heard, odds, strict=True)
    )
