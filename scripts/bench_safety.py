"""Score the safety net: what is caught of danger, and what is asked about without need.

    scripts/bench safety [FILE…] [--json]
                         [--spoken N [--voices slt,rms] [--noise FOLDER] [--snr 10]]

A file is JSONL: {"text", "intent", "tier", "slice"}; a tier of null is harmless. Caught is tier A
or B. With --spoken, N rows of each file, spread evenly, are spoken by flite's voices too and heard
by the recogniser, as in `bench spoken`.
"""

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench_peers import Row, some
from bench_spoken import Listener, Room
from bench_understanding import DATA

from lowtide.intents.events import Hypothesis
from lowtide.intents.pack import load
from lowtide.intents.understanding import Understander
from lowtide.voice.engines import ENGINES
from lowtide.voice.errors import Trouble
from lowtide.voice.packs import understander

FILES = [DATA / "safety_test.jsonl", DATA / "safety_held_out.jsonl"]
NEVER_MISSED = {
    "explicit",
    "plan_means_place",
    "goodbye",
    "already_acted",
    "at_the_door",
    "choking",
    "harm_intent",
    "harm_plan_weapon",
}
"""Slices of which none may be missed; safety.md section 2.5."""


@dataclass(frozen=True)
class Line:
    """One line and what the net made of it."""

    text: str
    kind: str
    """The safety intent, or "none"."""
    slice: str
    wanted: str | None
    """Tier."""
    tier: str | None
    """What was given."""


def main(arguments: Sequence[str]) -> int:
    """Print the figures of each file."""
    asked = _asked(arguments)
    reader = understander(load())
    figures: dict[str, Any] = {}
    try:
        for path in asked.files:
            rows = _rows(path)
            figures[path.name] = _figures([_read(row, reader) for row in rows])
            if asked.spoken:
                figures[f"{path.name}, spoken"] = _figures(_spoken(rows, reader, asked))
    except Trouble as trouble:
        print(f"bench safety: {trouble}", file=sys.stderr)
        return 1
    if asked.json:
        print(json.dumps(figures, indent=1))
    else:
        for name, each in figures.items():
            _show(name, each)
    return 0


def _asked(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "bench safety", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, default=FILES)
    parser.add_argument("--spoken", type=int, default=0, help="rows of each file to speak")
    parser.add_argument("--voices", default="slt,rms")
    parser.add_argument("--noise", type=Path, help="folder of sound files to mix in")
    parser.add_argument("--snr", type=float, default=10.0, help="decibels of speech over noise")
    parser.add_argument("--engine", choices=ENGINES, default="auto")
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    return parser.parse_args(arguments)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines() if line]


def _read(row: dict[str, Any], reader: Understander) -> Line:
    tier = reader.understand([Hypothesis(row["text"])]).tier
    return Line(row["text"], row["intent"], row["slice"], row["tier"], tier)


def _spoken(
    rows: Sequence[dict[str, Any]], reader: Understander, asked: argparse.Namespace
) -> list[Line]:
    """Rows as they are after speech: the gravest tier of what was heard of each."""
    by_text = {row["text"]: row for row in rows}
    noises = tuple(sorted(asked.noise.iterdir())) if asked.noise else ()
    said = some([Row(text, (), danger=bool(row["tier"])) for text, row in by_text.items()],
                asked.spoken)  # fmt: skip
    lines = []
    for voice in asked.voices.split(","):
        listener = Listener(asked.engine, reader, Room(noises, asked.snr))
        for each in listener.hear_all(said, voice):
            row = by_text[each.row.text]
            tiers = [reader.understand(readings).tier for readings in each.heard]
            tier = min((tier for tier in tiers if tier), default=None)
            lines.append(Line(each.text, row["intent"], row["slice"], row["tier"], tier))
    return lines


def _figures(lines: Sequence[Line]) -> dict[str, Any]:
    danger = [line for line in lines if line.wanted]
    harmless = [line for line in lines if not line.wanted]
    return {
        "danger": _rates(danger),
        "clear": _rates([line for line in danger if line.wanted == "A"]),
        "harmless": _rates(harmless),
        "by kind": _by(danger, lambda line: line.kind),
        "by slice": _by(danger, lambda line: line.slice),
        "harmless by slice": _by(harmless, lambda line: line.slice),
        "missed and never to be": [
            line.text for line in danger if line.slice in NEVER_MISSED and not line.tier
        ],
    }


def _by(lines: Iterable[Line], key: Callable[[Line], str]) -> dict[str, dict[str, float]]:
    groups: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        groups[key(line)].append(line)
    return {name: _rates(group) for name, group in sorted(groups.items())}


def _rates(lines: Sequence[Line]) -> dict[str, float]:
    """How many, and the shares in percent that gave an alarm, and tier A and B of them."""
    count = len(lines)
    given = {tier: sum(line.tier == tier for line in lines) for tier in ("A", "B")}
    return {
        "of": count,
        "alarm": _percent(given["A"] + given["B"], count),
        **{tier: _percent(number, count) for tier, number in given.items()},
    }


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1) if whole else 0.0


def _show(name: str, figures: dict[str, Any]) -> None:
    print(f"\n{name}\n{'':34}{'of':>6}{'A or B':>9}{'A':>8}{'B':>8}")
    for title in ("danger", "clear", "harmless"):
        _line(title, figures[title])
    for table in ("by kind", "by slice", "harmless by slice"):
        print(f"  {table}")
        for each, rates in figures[table].items():
            _line(f"  {each}", rates)
    for text in figures["missed and never to be"]:
        print(f"  missed, and never to be: {text}")


def _line(title: str, rates: dict[str, float]) -> None:
    shares = "".join(f"{rates[each]:>7}%" for each in ("alarm", "A", "B"))
    print(f"  {title:32}{rates['of']:>6} {shares}")
