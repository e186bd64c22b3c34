"""Score labelled utterances through the understanding, as the program uses it.

    scripts/bench understanding [FILE…] [--json] [--intents]
                                [--without-encoder | --without-meaning]

A file is JSONL, a row an utterance: {"text", "label"}, {"text", "acceptable": […]} (any of these
answers is right), or {"text", "intent", "tier"} (danger: caught is tier A or B).
"""

import argparse
import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lowtide.intents.events import Hypothesis
from lowtide.intents.pack import ANSWERING, Pack, load
from lowtide.intents.understanding import Understander
from lowtide.models.meaning import load as load_meaning
from lowtide.voice.packs import understander

DATA = Path(__file__).parent.parent / "tests" / "data"
HELD_OUT = [DATA / f"{name}.jsonl" for name in ("paraphrases_test", "none_test", "safety_test")]
FLOWS = frozenset({"breathe", "stay_with_me", "vent", "unsent_letter"})
"""Controls that start something lasting: as wrong as a reframe where nothing was meant."""
NONE = "none"
THRESHOLDS = tuple(round(0.3 + 0.05 * step, 2) for step in range(14))
CONFUSIONS = 12


@dataclass(frozen=True)
class Answer:
    """One row and what was made of it."""

    text: str
    acceptable: tuple[str, ...]
    tier_wanted: str | None
    given: str
    best: str
    """The best candidate, accepted or not."""
    score: float
    tier: str | None
    seconds: float

    def at(self, threshold: float) -> str:
        """The answer with another threshold; what the safety net caught does not move."""
        if self.tier:
            return self.given
        return self.best if self.score >= threshold else NONE


def main(arguments: Sequence[str]) -> int:
    """Print the figures of each file."""
    parser = argparse.ArgumentParser("bench understanding", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, default=HELD_OUT)
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    readers = parser.add_mutually_exclusive_group()
    readers.add_argument("--without-encoder", action="store_true", help="matcher and n-grams")
    readers.add_argument("--without-meaning", action="store_true", help="the matcher alone")
    parser.add_argument("--intents", action="store_true", help="precision and recall of each")
    asked = parser.parse_args(arguments)
    pack = load()
    reader = understander(pack)
    if asked.without_meaning or asked.without_encoder:
        meaning = load_meaning(encoder=False) if asked.without_encoder else None
        reader = Understander(pack, meaning=meaning)
    reader.understand([Hypothesis("warm up")])
    figures = {path.name: _figures(_answers(path, reader), pack) for path in asked.files}
    if asked.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, each in figures.items():
            _show(name, each, intents=asked.intents)
    return 0


def _answers(path: Path, reader: Understander) -> list[Answer]:
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]
    return [_answer(row, reader) for row in rows]


def _answer(row: dict[str, Any], reader: Understander) -> Answer:
    began = time.perf_counter()
    heard = reader.understand([Hypothesis(row["text"])])
    seconds = time.perf_counter() - began
    wanted = row.get("acceptable") or [row.get("label") or row.get("intent") or NONE]
    accepted = heard.intent != NONE
    best = heard.intent if accepted else (heard.runner_up or NONE)
    return Answer(
        row["text"], tuple(wanted), row.get("tier"), heard.intent, best, heard.score, heard.tier,
        seconds,
    )  # fmt: skip


def _figures(answers: Sequence[Answer], pack: Pack) -> dict[str, Any]:
    times = np.array([answer.seconds for answer in answers]) * 1000
    figures: dict[str, Any] = {
        "utterances": len(answers),
        **_rates(answers, [answer.given for answer in answers], pack),
        "time_ms": {"p50": round(_at(times, 50), 2), "p99": round(_at(times, 99), 2)},
        "sweep": {
            str(threshold): _rates(answers, [answer.at(threshold) for answer in answers], pack)
            for threshold in THRESHOLDS
        },
        "scores": _histogram(answers),
        "confusions": _confusions(answers),
        "intents": _by_intent(answers),
    }
    if any(answer.tier_wanted for answer in answers):
        figures["safety"] = _safety(answers)
    return figures


def _at(values: np.ndarray[Any, Any], percent: float) -> float:
    return float(np.percentile(values, percent))


def _rates(answers: Sequence[Answer], given: Sequence[str], pack: Pack) -> dict[str, float]:
    """Shares of all utterances, in percent."""
    pairs = list(zip(answers, given, strict=True))
    right = sum(each in answer.acceptable for answer, each in pairs)
    rejected = sum(each == NONE and NONE not in answer.acceptable for answer, each in pairs)
    wrong = sum(
        each not in answer.acceptable and NONE in answer.acceptable and _starts(each, pack)
        for answer, each in pairs
    )
    alarms = sum(
        bool(answer.tier) and not answer.tier_wanted and each not in answer.acceptable
        for answer, each in pairs
    )
    count = len(pairs)
    return {
        "right": _percent(right, count),
        "rejected": _percent(rejected, count),
        "wrong_starts": _percent(wrong, count),
        "wrong_alarms": _percent(alarms, count),
    }


def _starts(intent: str, pack: Pack) -> bool:
    return intent in FLOWS or pack.intents[intent].group in ANSWERING


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


def _histogram(answers: Sequence[Answer]) -> dict[str, dict[str, int]]:
    """Of the best candidates' scores, in tenths: how many are right, and how many not."""
    table: dict[str, Counter[str]] = {f"{tenth / 10}": Counter() for tenth in range(10)}
    for answer in answers:
        right = "right" if answer.best in answer.acceptable else "wrong"
        table[f"{min(9, int(answer.score * 10)) / 10}"][right] += 1
    return {tenth: dict(counts) for tenth, counts in table.items()}


def _confusions(answers: Sequence[Answer]) -> list[tuple[str, str, int]]:
    wrong = Counter(
        (answer.acceptable[0], answer.given)
        for answer in answers
        if answer.given not in answer.acceptable
    )
    return [(wanted, given, count) for (wanted, given), count in wrong.most_common(CONFUSIONS)]


def _by_intent(answers: Sequence[Answer]) -> dict[str, dict[str, float]]:
    """Precision and recall in percent; a row with several right answers counts for its first."""
    wanted, given, right = Counter[str](), Counter[str](), Counter[str]()
    for answer in answers:
        fits = answer.given in answer.acceptable
        meant = answer.given if fits else answer.acceptable[0]
        wanted[meant] += 1
        given[answer.given] += 1
        right[answer.given] += fits
    return {
        intent: {
            "precision": _percent(right[intent], given[intent]),
            "recall": _percent(right[intent], wanted[intent]),
            "of": wanted[intent],
        }
        for intent in sorted(wanted.keys() | given.keys())
    }


def _safety(answers: Sequence[Answer]) -> dict[str, float]:
    danger = [answer for answer in answers if answer.tier_wanted]
    harmless = [answer for answer in answers if not answer.tier_wanted]
    return {
        "danger": len(danger),
        "caught": _percent(sum(bool(answer.tier) for answer in danger), len(danger)),
        "harmless": len(harmless),
        "harmless_a": _percent(sum(answer.tier == "A" for answer in harmless), len(harmless)),
        "harmless_b": _percent(sum(answer.tier == "B" for answer in harmless), len(harmless)),
    }


def _show(name: str, figures: dict[str, Any], *, intents: bool) -> None:
    print(f"\n{name}: {figures['utterances']} utterances")
    _line(("", "right", "rejected", "wrong starts", "wrong alarms"))
    _line(("as it is", *_cells(figures)))
    for threshold, rates in figures["sweep"].items():
        _line((f"from {threshold}", *_cells(rates)))
    print(f"  time {figures['time_ms']['p50']} ms median, {figures['time_ms']['p99']} ms p99")
    if safety := figures.get("safety"):
        print("  safety " + ", ".join(f"{key} {value}" for key, value in safety.items()))
    print("  score: right/wrong  " + "  ".join(_bins(figures["scores"])))
    for wanted, given, count in figures["confusions"]:
        print(f"  {count:4} {wanted} taken for {given}")
    for intent, each in figures["intents"].items() if intents else ():
        print(
            f"  {intent:26} precision {each['precision']:6} recall {each['recall']:6} "
            f"of {each['of']}"
        )


def _cells(rates: dict[str, float]) -> Iterable[str]:
    names = ("right", "rejected", "wrong_starts", "wrong_alarms")
    return (f"{rates[name]:.2f} %" for name in names)


def _bins(scores: dict[str, dict[str, int]]) -> Iterable[str]:
    return (
        f"{tenth} {counts.get('right', 0)}/{counts.get('wrong', 0)}"
        for tenth, counts in scores.items()
    )


def _line(cells: Sequence[str]) -> None:
    print("  " + "".join(f"{cell:>14}" for cell in cells))
