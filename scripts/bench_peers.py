"""Put ours and its peers side by side: the same phrases, the same rows, the same wrong starts.

    scripts/bench peers [FILE…] [--unrelated FILE…] [--rows N] [--only NAME…] [--json]

Every reader names its best intent and a score for each row. Its threshold is the lowest at which at
most 1 % of the unrelated rows start a reframe or a flow (DESIGN.md section 6); what counts is how
many rows it then gets right. Time is CPU time of one thread, so that a busy machine tells the same.
"""

import argparse
import json
import math
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the program sets it, before numpy is there

import numpy as np
from bench_understanding import DATA, FLOWS, NONE
from rapidfuzz import fuzz, process

from lowtide.intents.events import Hypothesis
from lowtide.intents.meaning import Meaning
from lowtide.intents.pack import ANSWERING, Pack, compiled, load
from lowtide.intents.text import canonical
from lowtide.intents.understanding import Understander
from lowtide.models.meaning import load as load_meaning

FILES = [DATA / "paraphrases_dev.jsonl", DATA / "paraphrases_test.jsonl"]
UNRELATED = [DATA / "none_test.jsonl"]
ALLOWED = 0.01
"""Share of unrelated rows that may start something; DESIGN.md section 6."""
Phrases = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Row:
    """One utterance of a labelled file."""

    text: str
    acceptable: tuple[str, ...]
    danger: bool = False
    """Whether tier A or B is what has to be said to it."""


@dataclass(frozen=True)
class Best:
    """What a reader would say to a row, and how sure it is on its own scale."""

    intent: str
    score: float


Reader = Callable[[str], Best]


@dataclass(frozen=True)
class Figures:
    """One reader's line of the table; shares in percent, times in milliseconds."""

    threshold: float
    wrong_starts: float
    right: dict[str, float]
    """For each file, from the threshold on."""
    right_at_all: dict[str, float]
    """For each file, nothing being rejected."""
    p50: float
    p99: float


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        "bench peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, default=FILES)
    parser.add_argument("--unrelated", nargs="+", type=Path, default=UNRELATED)
    parser.add_argument("--rows", type=int, default=0, help="so many of each file, spread evenly")
    parser.add_argument("--only", nargs="+", choices=READERS, default=list(READERS))
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    asked = parser.parse_args(arguments)
    pack = load()
    phrases = compiled(pack)
    files = {path.name: some(read_rows(path), asked.rows) for path in asked.files}
    unrelated = [row for path in asked.unrelated for row in some(read_rows(path), asked.rows)]
    figures = {}
    for name in asked.only:
        reader = READERS[name](pack, phrases)
        if isinstance(reader, str):
            print(f"{name}: left out: {reader}", file=sys.stderr)
        else:
            figures[name] = measure(reader, files, unrelated, pack)
    if asked.json:
        print(json.dumps(figures, default=vars, indent=1))
    else:
        _show(figures, list(files), len(unrelated))
    return 0


def read_rows(path: Path) -> list[Row]:
    """The rows of a labelled JSONL file; see bench_understanding.py."""
    raw = (json.loads(line) for line in path.read_text("utf-8").splitlines() if line)
    return [
        Row(
            row["text"],
            tuple(row.get("acceptable") or [row.get("label") or row.get("intent") or NONE]),
            bool(row.get("tier")),
        )
        for row in raw
    ]


def some(rows: list[Row], count: int) -> list[Row]:
    """So many rows spread evenly over all, the same every time; 0 for all."""
    if not 0 < count < len(rows):
        return rows
    return [rows[number * len(rows) // count] for number in range(count)]


def starts(intent: str, pack: Pack) -> bool:
    """Whether the answer to an intent is a reframe or begins something lasting."""
    return intent in FLOWS or pack.intents[intent].group in ANSWERING


def measure(
    reader: Reader, files: dict[str, list[Row]], unrelated: list[Row], pack: Pack
) -> Figures:
    """One reader's figures."""
    reader("warm up")
    seconds: list[float] = []

    def timed(row: Row) -> Best:
        began = time.thread_time()
        best = reader(row.text)
        seconds.append(time.thread_time() - began)
        return best

    wrong = [
        best.score
        for row in unrelated
        if (best := timed(row)).intent not in row.acceptable and starts(best.intent, pack)
    ]
    above = sorted([*wrong, *[-math.inf] * len(unrelated)], reverse=True)
    threshold = above[int(ALLOWED * len(unrelated))]
    answers = {name: [(row, timed(row)) for row in rows] for name, rows in files.items()}
    return Figures(
        threshold=round(max(threshold, 0.0), 3),
        wrong_starts=_percent([score > threshold for score in wrong], len(unrelated)),
        right=_right(answers, threshold),
        right_at_all=_right(answers, -math.inf),
        p50=round(float(np.percentile(seconds, 50)) * 1000, 2),
        p99=round(float(np.percentile(seconds, 99)) * 1000, 2),
    )


def _right(answers: dict[str, list[tuple[Row, Best]]], threshold: float) -> dict[str, float]:
    return {
        name: _percent(
            [
                (best.intent if best.score > threshold else NONE) in row.acceptable
                for row, best in rows
            ],
            len(rows),
        )
        for name, rows in answers.items()
    }


def _percent(fits: Sequence[bool], of: int) -> float:
    return round(100 * sum(fits) / of, 2) if of else 0.0


# The readers --------------------------------------------------------------------------------------


def _extract_one(scorer: Callable[..., float]) -> Callable[[Pack, Phrases], Reader]:
    """Plain `rapidfuzz.process.extractOne`."""

    def build(pack: Pack, phrases: Phrases) -> Reader:
        written = [phrase for _, phrase in phrases]

        def read(text: str) -> Best:
            found = process.extractOne(canonical(text, pack.names), written, scorer=scorer)
            return Best(phrases[found[2]][0], found[1] / 100)

        return read

    return build


def _hassil(pack: Pack, _: Phrases) -> Reader:
    """Home Assistant's template recognition: a text is in the templates or it is not."""
    from hassil import Intents, recognize_best  # noqa: PLC0415 - only this peer needs it

    names = sorted(pack.names)
    lists = {
        "he": ["he", "she", "they", "my ex", *names],
        "him": ["him", "her", "them", "my ex", *names],
        "his": ["his", "her", "their", "my ex's", *(f"{name}'s" for name in names)],
    }
    intents = Intents.from_dict(
        {
            "language": "en",
            "intents": {
                intent.id: {"data": [{"sentences": list(intent.templates)}]}
                for intent in pack.intents.values()
                if intent.templates
            },
            "lists": {name: {"values": values} for name, values in lists.items()},
        }
    )

    def read(text: str) -> Best:
        found = recognize_best(text, intents)
        return Best(found.intent.name, 1.0) if found else Best(NONE, 0.0)

    return read


def _hassil_fuzzy(_: Pack, __: Phrases) -> str:
    """Its n-gram matcher for Home Assistant's sentences: there until 3.8, gone in 3.10."""
    if find_spec("hassil.fuzzy"):
        return "it needs n-gram models trained by Home Assistant's tools; see docs/understanding.md"
    return f"hassil {version('hassil')} has no fuzzy mode; it went after 3.8"


def _padacioso(*, fuzzy: bool) -> Callable[[Pack, Phrases], Reader | str]:
    """OVOS's matcher.

    As it ships, an utterance sends the whole container to a process pool once for each intent, and
    its fuzzy mode compiles ten regular expressions a phrase: a minute an utterance with our
    phrases. Here it is asked in this process and what it compiled is kept: the same answers.
    """

    def build(pack: Pack, phrases: Phrases) -> Reader | str:
        if not find_spec("padacioso"):
            return "it is not installed: pip install padacioso"
        return _padacioso_reader(pack, phrases, fuzzy=fuzzy)

    return build


def _padacioso_reader(pack: Pack, phrases: Phrases, *, fuzzy: bool) -> Reader:
    container: Any = import_module("padacioso").IntentContainer(fuzz=fuzzy)
    for intent in dict.fromkeys(intent for intent, _ in phrases):
        container.add_intent(intent, [phrase for each, phrase in phrases if each == intent])
    matcher = cache(import_module("simplematch").Matcher)
    score = container._fuzzy_score  # noqa: SLF001 - see above

    def kept(query: str, pattern: str, penalty: float) -> Any:  # noqa: ANN401 - untyped
        return score(query, pattern, penalty) if matcher(pattern).test(query) else None

    container._fuzzy_score = kept  # noqa: SLF001

    def found(text: str) -> Iterator[Best]:
        for intent, patterns in container.intent_samples.items():
            if match := container._match(text, intent, patterns):  # noqa: SLF001
                yield Best(intent, match["conf"])

    def read(text: str) -> Best:
        words = canonical(text, pack.names)
        return max(found(words), key=lambda best: best.score, default=Best(NONE, 0.0))

    return read


def _ours(load_model: Callable[[], Meaning | None]) -> Callable[[Pack, Phrases], Reader | str]:
    """The understanding as the program uses it, or with less of it."""

    def build(pack: Pack, phrases: Phrases) -> Reader | str:
        understander = Understander(pack, phrases, load_model())

        def read(text: str) -> Best:
            heard = understander.understand([Hypothesis(text)])
            if heard.alarm is not None:
                return Best(heard.intent, math.inf)
            best = heard.intent if heard.intent != NONE else heard.runner_up
            return Best(best or NONE, heard.score)

        return read

    return build


READERS: dict[str, Callable[[Pack, Phrases], Reader | str]] = {
    "rapidfuzz-wratio": _extract_one(fuzz.WRatio),
    "rapidfuzz-token-set": _extract_one(fuzz.token_set_ratio),
    "hassil": _hassil,
    "hassil-fuzzy": _hassil_fuzzy,
    "padacioso": _padacioso(fuzzy=False),
    "padacioso-fuzzy": _padacioso(fuzzy=True),
    "our-matcher": _ours(lambda: None),
    "our-ngrams": _ours(lambda: load_meaning(encoder=False)),
    "our-understanding": _ours(load_meaning),
}


def _show(figures: dict[str, Figures], files: Sequence[str], unrelated: int) -> None:
    print(f"right answers at {ALLOWED:.0%} wrong starts on {unrelated} unrelated rows")
    print("(in brackets: nothing rejected); CPU milliseconds of one thread")
    titles = ("threshold", "wrong", *(name.removesuffix(".jsonl") for name in files), "p50", "p99")
    print(f"{'':20}" + "".join(f"{title:>18}" for title in titles))
    for name, each in figures.items():
        cells = (
            f"{each.threshold:.3f}",
            f"{each.wrong_starts:.2f} %",
            *(f"{each.right[file]:.1f} % ({each.right_at_all[file]:.1f})" for file in files),
            f"{each.p50:.2f}",
            f"{each.p99:.2f}",
        )
        print(f"{name:20}" + "".join(f"{cell:>18}" for cell in cells))
