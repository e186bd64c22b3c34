"""A house with `lowtide serve` in it, as its satellites meet it."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

STARTS_WITHIN = 60.0
"""Seconds; a busy machine has to load the recogniser and the meaning model."""


@dataclass
class House:
    """`lowtide serve` under way."""

    port: int
    process: subprocess.Popen[str]
    before: list[str]
    """What stood on standard error until it was ready."""
    log: list[str] = field(default_factory=list)
    """What stood on standard error since it was ready."""

    def logged(self, before: int, within: float) -> list[str]:
        """What was logged after so many lines, waited for, and for what may still follow it."""
        until = time.monotonic() + within
        while len(self.log) == before and time.monotonic() < until:
            time.sleep(0.02)
        time.sleep(0.1)
        return self.log[before:]

    @property
    def megabytes(self) -> float:
        """Memory of the server, without its workers."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        assert found
        return int(found.group(1)) / 1024


@contextmanager
def serving(*arguments: str, ready: str, env: Mapping[str, str] | None = None) -> Iterator[House]:
    """`lowtide serve` with arguments, from its ready line (a pattern with the port) to its end."""
    with subprocess.Popen(
        [sys.executable, "-m", "lowtide.voice", "serve", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | (env or {}),
    ) as process:
        assert process.stderr is not None
        before = []
        found = None
        for line in process.stderr:
            before.append(line)
            if found := re.search(ready, line):
                break
        assert found, "".join(before)
        house = House(int(found.group(1)), process, before)
        reading = Thread(target=lambda: house.log.extend(process.stderr or ()))
        reading.start()
        try:
            yield house
            assert process.poll() is None, house.log
        finally:
            process.terminate()
            process.wait(STARTS_WITHIN)
            reading.join()
    assert process.returncode == 0, house.log
    assert "Traceback" not in "".join(house.log)
