"""Answer times of `lowtide serve` for a Wyoming client alone, and for many.

    scripts/bench wyoming [--clients N] [--pause SECONDS] [--alone N] [--json]

"Talking" clients pause up to so many seconds before each sentence; "at once" they never pause, so
that the last of them waits for all others.
"""

import argparse
import asyncio
import contextlib
import json
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from wyoming.asr import Transcript
from wyoming.client import AsyncTcpClient
from wyoming.handle import Handled
from wyoming.info import Describe, Info

SAID = ("i want to call him", "does she miss me", "it rained all day at the station", "stop")
"""Known words, words for the meaning model, and a control."""
STARTS_WITHIN = 60.0
"""Seconds."""


@contextlib.contextmanager
def server(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`lowtide serve` on a free port, ended afterwards; the process and the port."""
    command = [sys.executable, "-m", "lowtide.voice", "serve", "--uri", "tcp://127.0.0.1:0"]
    with subprocess.Popen(
        [*command, *arguments], stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        try:
            found = re.search(r"tcp://127\.0\.0\.1:(\d+)", line)
            if not found:
                raise SystemExit(f"lowtide serve did not start: {line}")
            yield process, int(found.group(1))
        finally:
            process.terminate()
            process.wait(STARTS_WITHIN)


async def converse(port: int, name: str, pause: float = 0.0) -> list[float]:
    """One client's seconds from each transcript to its answer, with random pauses before them."""
    times = []
    pauses = random.Random(name)  # noqa: S311 - variety, not secrecy
    async with AsyncTcpClient("127.0.0.1", port) as client:
        for text in SAID:
            await asyncio.sleep(pauses.uniform(0, pause))
            asked = Transcript(text, context={"conversation_id": name}).event()
            begun = time.perf_counter()
            await client.write_event(asked)
            event = await client.read_event()
            times.append(time.perf_counter() - begun)
            if event is None or not Handled.is_type(event.type):
                raise SystemExit(f"{event and event.type} came for an answer")
    return times


async def describe(port: int) -> float:
    """Seconds to an answer to Describe, connecting included."""
    begun = time.perf_counter()
    async with AsyncTcpClient("127.0.0.1", port) as client:
        await client.write_event(Describe().event())
        event = await client.read_event()
    if event is None or not Info.is_type(event.type):
        raise SystemExit("no info came")
    return time.perf_counter() - begun


async def crowd(port: int, clients: int, pause: float) -> tuple[list[float], list[float]]:
    """Answer times of so many clients, and of Describe meanwhile."""
    everybody = [
        asyncio.create_task(converse(port, f"{number} in {pause}", pause))
        for number in range(clients)
    ]
    described = []
    while not all(each.done() for each in everybody):
        described.append(await describe(port))
        await asyncio.sleep(0.1)
    return [seconds for each in everybody for seconds in each.result()], described


def resident(process: subprocess.Popen[str]) -> float:
    """Memory of the server without its workers, in MB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", status)
    return int(found.group(1)) / 1024 if found else 0.0


def percentiles(seconds: Sequence[float]) -> dict[str, float]:
    """p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return {
        "answers": len(seconds),
        "p50_ms": round(cuts[49] * 1000, 1),
        "p99_ms": round(cuts[98] * 1000, 1),
    }


def main(arguments: Sequence[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="scripts/bench wyoming", description=__doc__)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--alone", type=int, default=25, help="conversations one after the other")
    parser.add_argument("--pause", type=float, default=10.0, help="before each sentence, at most")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args(arguments)
    with server() as (process, port):
        alone = [
            seconds
            for number in range(chosen.alone)
            for seconds in asyncio.run(converse(port, f"alone {number}"))
        ]
        before = resident(process)
        talking, _ = asyncio.run(crowd(port, chosen.clients, chosen.pause))
        at_once, described = asyncio.run(crowd(port, chosen.clients, 0.0))
        figures = {
            "alone": percentiles(alone),
            f"{chosen.clients} talking": percentiles(talking),
            f"{chosen.clients} at once": percentiles(at_once),
            "describe meanwhile": percentiles([*described, *described]),
            "memory": {"before_mb": round(before), "after_mb": round(resident(process))},
        }
    if chosen.json:
        print(json.dumps(figures))
        return 0
    for name, figure in figures.items():
        print(f"{name:<20}", "  ".join(f"{key} {value}" for key, value in figure.items()))
    return 0
