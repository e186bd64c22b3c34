"""The house is one for all tests of Wyoming: what one client does to it, the next would feel."""

from collections.abc import Iterator

import pytest
from house import House, serving


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    """`lowtide serve` for Home Assistant."""
    with serving("--uri", "tcp://127.0.0.1:0", ready=r"tcp://127\.0\.0\.1:(\d+)") as house:
        yield house
