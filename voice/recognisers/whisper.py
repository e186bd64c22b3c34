"""The recogniser that needs no download: it reads what was said whole, when a pause begins.

The sound is only collected while somebody speaks. In a pause the parent looks (`partial`), and the
utterance is read; if the pause goes on to the end of the turn, that reading is the result, and the
answer waits for nothing.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np

import lowtide.models
from lowtide.intents.events import Hypothesis
from lowtide.intents.numbers import NUMBERS
from lowtide.intents.pack import Pack, expand, load
from lowtide.intents.text import tidy
from lowtide.models.speech import RATE, Reading
from lowtide.models.speech import Whisper as Network
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.frames import FRAME_SAMPLES
from lowtide.voice.recognisers.in_child import OUTSTANDING, InChild, answer

MODEL = Path(lowtide.models.__file__).parent / "whisper" / "en"
N_BEST = 8
LONGEST = 16.0
"""Seconds read in one piece; Whisper was taught on 30, and hearts pour out for longer."""
CUT_WITHIN = 8.0
"""Seconds, the last of a piece that has to be cut, in which the quietest place is looked for."""
CUT = 8
"""Frames (0.26 s) that must be quiet together."""
EXPECTED, EXPECTED_STOP = 1.5, 3.0
"""Log odds more for what is expected (4.5 times as likely), and for what stops us, which must be
obeyed the first time; docs/engines.md has the sweep."""
SHORT, LONGEST_TEMPLATE = 3, 5
"""Words of what is expected as a whole, and of a template that may stand for such a thing. Longer
things are heard well enough without."""
LEAST, LEAST_OF_POLITE = 0.2, 0.4
"""Certainty under which nobody spoke, and the same for what is mostly read into silence and noise;
docs/engines.md."""
_POLITE = frozenset(["thank you", "thank you very much", "okay", "oh", "yeah"])
_NOBODY = frozenset(
    ["you", "thank you for watching", "thanks for watching", "thank you so much for watching"]
)
"""What is read where nobody speaks: the ends of the films it was taught with."""
_FIGURES = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
_WRITTEN = {"mr.": "mister", "mrs.": "missus", "dr.": "doctor", "&": "and", "%": " percent"}


class Whisper(InChild):
    """The embedded engine.

    Args:
        behind: Frames the child may be behind.

    Raises:
        NoRecogniser: There is no onnxruntime here, or the model is missing.
    """

    def __init__(self, behind: int = OUTSTANDING) -> None:
        if not (MODEL / "decoder.onnx").is_file():
            raise NoRecogniser(f"{MODEL}: the model is missing; install lowtide again.")
        remedy = "install lowtide again, or use engine = 'sphinx'"
        super().__init__("Whisper (embedded)", _serve, remedy, behind)


def _serve(pipe: Connection) -> None:
    network = Network(MODEL)
    pipe.send("ready")
    network.expect(expected())  # Takes a second, in which nobody has said anything yet.
    answer(pipe, Decoding(network))


def expected() -> dict[str, float]:
    """How much likelier (log odds) what is said to us in a few words is."""
    pack = load()
    stops = _short(pack.intents["stop"].templates)
    return dict.fromkeys(_expected(pack), EXPECTED) | dict.fromkeys(stops, EXPECTED_STOP)


def _expected(pack: Pack) -> Iterator[str]:
    """What is said to us in a word or three: orders, answers, numbers, the words that wake us.

    Nothing about the ex: a likelier "call him" would swallow "kill him" (safety.md section 0, 3).
    """
    yield from pack.lines.get("wake", ())
    yield from NUMBERS
    for answers in pack.answers.values():
        yield from answers
    for country in pack.settings.get("country", ()):
        yield from country["heard"]
    settings = pack.settings.get("answers", {}).values()
    intents = (each.templates for each in pack.intents.values() if each.group == "control")
    for templates in (*settings, *intents):
        yield from _short(templates)


def _short(templates: Iterable[str]) -> Iterator[str]:
    """Their phrases that are short."""
    short = (template for template in templates if len(template.split()) <= LONGEST_TEMPLATE)
    phrases = (phrase for template in short for phrase in expand(template))
    yield from (phrase for phrase in phrases if len(phrase.split()) <= SHORT)


class Decoding:
    """One utterance after another, in the child."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._sound = bytearray()
        self._earlier: list[tuple[Hypothesis, ...]] = []
        self._looked: tuple[Hypothesis, ...] = ()

    def start(self) -> None:
        """Begin an utterance; one under way is dropped."""
        self._sound.clear()
        self._earlier, self._looked = [], ()

    def take(self, samples: bytes) -> str:
        """Take in one frame; what was understood at the last look."""
        self._sound += samples
        if len(self._sound) >= LONGEST * 2 * RATE:
            place = _quietest(self._sound)
            self._earlier.append(self._read(self._sound[:place]))
            del self._sound[:place]
        return self._best()

    def look(self) -> str:
        """What was understood so far."""
        self._looked = _joined([*self._earlier, self._read(self._sound)])
        return self._best()

    def finish(self, *, looked: bool) -> tuple[Hypothesis, ...]:
        """The readings of the whole utterance, best first."""
        if not looked:
            self.look()
        return self._looked

    def _best(self) -> str:
        return self._looked[0].text if self._looked else ""

    def _read(self, sound: bytes | bytearray) -> tuple[Hypothesis, ...]:
        samples = np.frombuffer(bytes(sound), np.int16).astype(np.float32) / np.float32(32768)
        return hypotheses(self._network.read(samples))


def hypotheses(readings: Sequence[Reading]) -> tuple[Hypothesis, ...]:
    """Different words with their share of the odds, times how certain the best reading is.

    Args:
        readings: Best first; texts that differ in capitals or commas add up.
    """
    if not readings:
        return ()
    best = readings[0]
    certainty = math.exp(best.log_odds / best.pieces)
    odds: defaultdict[str, float] = defaultdict(float)
    for reading in readings:
        odds[words(reading.text)] += math.exp(reading.log_odds + reading.prior - best.log_odds)
    first = max(odds, key=lambda text: odds[text])
    if not first or _nobody(first, certainty) or _nobody(words(best.text), certainty):
        return ()
    total = sum(odds.values()) / certainty
    ranked = sorted((text for text in odds if text), key=lambda text: -odds[text])
    return tuple(Hypothesis(text, odds[text] / total) for text in ranked[:N_BEST])


def _nobody(said: str, certainty: float) -> bool:
    least = LEAST_OF_POLITE if said in _POLITE else LEAST
    return said in _NOBODY or certainty < least


def words(text: str) -> str:
    """What was written as it was said: lower case, numbers in words, no marks but apostrophes."""
    text = text.lower()
    for written, said in _WRITTEN.items():
        text = text.replace(written, said)
    return tidy(_FIGURES.sub(lambda found: f" {_said(found[0])} ", text))


@cache
def _said(figures: str) -> str:
    from unicode_rbnf import RbnfEngine  # noqa: PLC0415 - read when there is a figure

    number = RbnfEngine.for_language("en").format_number(figures.replace(",", "").rstrip("."))
    return number.text


def _joined(pieces: Sequence[tuple[Hypothesis, ...]]) -> tuple[Hypothesis, ...]:
    """The readings of a long utterance from those of its pieces: best with best, and so on.

    As clear as its pieces are in the (geometric) mean: long talk is not less clear for being long.
    """
    pieces = [piece for piece in pieces if piece]
    if not pieces:
        return ()
    joined: dict[str, Hypothesis] = {}
    for rank in range(max(map(len, pieces))):
        parts = [piece[min(rank, len(piece) - 1)] for piece in pieces]
        text = " ".join(part.text for part in parts)
        confidence = math.prod(part.confidence for part in parts) ** (1 / len(parts))
        joined.setdefault(text, Hypothesis(text, confidence))
    return tuple(joined.values())


def _quietest(sound: bytes | bytearray) -> int:
    """Where to cut, in bytes: the middle of the quietest moment among the last."""
    frames = np.frombuffer(bytes(sound), np.int16).reshape(-1, FRAME_SAMPLES).astype(np.float64)
    energy = np.convolve((frames**2).mean(axis=1), np.ones(CUT), "valid")
    first = len(energy) - int(CUT_WITHIN * RATE / FRAME_SAMPLES)
    middle = first + int(energy[first:].argmin()) + CUT // 2
    return middle * FRAME_SAMPLES * 2
