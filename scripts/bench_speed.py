"""Print how long understanding takes, how that grows with the packs, and what starting costs.

    scripts/bench speed [--rows N] [--json]

Stages: the matcher alone, the safety net alone, the whole understanding of typed words, and of what
a recogniser heard (eight readings). "Ten times" is the same with ten times the phrases: the packs'
own, shuffled and with words exchanged. Every measurement is a process of its own with one BLAS
thread, as the program sets it. Wall-clock is what a person waits; CPU time is what a busy machine
does not change.
"""

import argparse
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import ParamSpec, TypeVar

import numpy as np
from bench_peers import FILES, UNRELATED, read_rows, some

from lowtide.intents.events import Hypothesis
from lowtide.intents.matcher import Matcher
from lowtide.intents.pack import compiled, load
from lowtide.intents.safety import SafetyNet
from lowtide.intents.text import canonical
from lowtide.intents.understanding import Understander
from lowtide.models.meaning import load as load_meaning
from lowtide.voice.packs import _phrases as kept_phrases

TIMES = 10
"""How often over the phrases are there; issue 3 point 6."""
READINGS = 8
"""Of one utterance, as the recognisers give; `lowtide.voice.recognisers.sphinx.N_BEST`."""
Phrases = Sequence[tuple[str, str]]
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Cost:
    """Of something done once, in milliseconds."""

    wall: float
    cpu: float


@dataclass(frozen=True)
class StartUp:
    """What it takes until something can be understood."""

    packs: Cost
    """Reading the packs, their phrases, and making the matcher and the safety net of them."""
    meaning: Cost
    """Loading the meaning model."""
    meaning_mib: float
    """Memory that stays taken for it; 0 where the system does not tell."""


@dataclass(frozen=True)
class Times:
    """Of one stage over all rows, in milliseconds an utterance."""

    wall_p50: float
    wall_p99: float
    cpu_p50: float
    cpu_p99: float


def main(arguments: Sequence[str]) -> int:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        "bench speed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=300, help="of each file; 0 for all")
    parser.add_argument("--json", action="store_true", help="figures as one JSON object")
    asked = parser.parse_args(arguments)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the processes to come import numpy with it
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LOWTIDE_CACHE"] = folder
        begun = {state: _apart(start_up) for state in ("cold", "kept")}
    stages = _apart(time_stages, asked.rows)
    if asked.json:
        print(json.dumps({"start_up": begun, "stages": stages}, default=asdict, indent=1))
    else:
        _show(begun, stages)
    return 0


def _apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The result of a function in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *args, **kwargs).result()


# Starting -----------------------------------------------------------------------------------------


def start_up() -> StartUp:
    """Begin as the program does, its modules being imported."""
    packs, _ = _cost(_from_packs)
    before = _resident()
    meaning, _ = _cost(load_meaning)
    return StartUp(packs, meaning, round(_resident() - before, 1))


def _from_packs() -> Understander:
    pack = load()
    return Understander(pack, kept_phrases(pack))


def _cost(make: Callable[[], T]) -> tuple[Cost, T]:
    wall, cpu = time.perf_counter(), time.process_time()
    made = make()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(round(wall * 1000, 1), round(cpu * 1000, 1)), made


def _resident() -> float:
    """Memory of this process in MiB, where Linux tells it; else 0."""
    try:
        pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


# Stages -------------------------------------------------------------------------------------------


def time_stages(count: int) -> dict[str, Times]:
    """Every stage over so many rows of each file."""
    pack, meaning = load(), load_meaning()
    phrases = compiled(pack)
    typed = [row.text for path in (*FILES, *UNRELATED) for row in some(read_rows(path), count)]
    words = [canonical(text, pack.names) for text in typed]
    once = [[Hypothesis(text)] for text in typed]
    heard = [list(_readings(text)) for text in typed]
    safety = SafetyNet(pack)
    more = multiplied(phrases)
    stages = {
        "matcher": _times(Matcher(phrases).rank, words),
        "matcher, ten times": _times(Matcher(more).rank, words),
        "safety net": _times(safety.read, once),
        "safety net, 8 readings": _times(safety.read, heard),
    }
    for name, known, model in (
        ("without meaning", phrases, None),
        ("whole", phrases, meaning),
        ("whole, ten times", more, meaning),
    ):
        reader = Understander(pack, known, model)
        stages[name] = _times(reader.understand, once)
        stages[f"{name}, 8 readings"] = _times(reader.understand, heard)
    return stages


def multiplied(phrases: Phrases, times: int = TIMES) -> list[tuple[str, str]]:
    """So many times the phrases: each as it is, shuffled, and with words of others in it."""
    chance = random.Random(0)  # noqa: S311 - the same phrases every time, and no secret
    vocabulary = sorted({word for _, phrase in phrases for word in phrase.split()})

    def another(phrase: str) -> str:
        words = phrase.split()
        chance.shuffle(words)
        words[chance.randrange(len(words))] = chance.choice(vocabulary)
        return " ".join(words)

    return [
        *phrases,
        *((intent, another(phrase)) for _ in range(times - 1) for intent, phrase in phrases),
    ]


def _readings(text: str) -> Iterator[Hypothesis]:
    """Eight readings that differ by a word, as a recogniser's do."""
    words = text.split()
    for number in range(READINGS):
        left_out = number % len(words) if number else len(words)
        reading = words[:left_out] + words[left_out + 1 :]
        yield Hypothesis(" ".join(reading or words), 1 / READINGS)


def _times(stage: Callable[[T], object], given: Sequence[T]) -> Times:
    stage(given[0])
    wall, cpu = [], []
    for each in given:
        wall_before, cpu_before = time.perf_counter(), time.thread_time()
        stage(each)
        cpu.append(time.thread_time() - cpu_before)
        wall.append(time.perf_counter() - wall_before)
    return Times(*(round(_at(times, percent), 2) for times in (wall, cpu) for percent in (50, 99)))


def _at(seconds: Sequence[float], percent: float) -> float:
    return float(np.percentile(seconds, percent)) * 1000


def _show(begun: dict[str, StartUp], stages: dict[str, Times]) -> None:
    cold, kept = begun["cold"], begun["kept"]
    print(f"{'start-up, ms':32}{'wall':>10}{'CPU':>10}")
    for name, cost in (
        ("packs, first time", cold.packs),
        ("packs, phrases kept", kept.packs),
        ("meaning model", kept.meaning),
    ):
        print(f"{name:32}{cost.wall:10.1f}{cost.cpu:10.1f}")
    print(f"{'meaning model, memory':32}{kept.meaning_mib:10.1f} MiB\n")
    titles = ("wall p50", "wall p99", "CPU p50", "CPU p99")
    print(f"{'stage, ms an utterance':32}" + "".join(f"{title:>10}" for title in titles))
    for name, times in stages.items():
        print(f"{name:32}" + "".join(f"{value:10.2f}" for value in asdict(times).values()))
