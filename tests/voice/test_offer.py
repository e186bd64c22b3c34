"""A better recogniser is offered once, to somebody who can answer, and never stands in the way."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lowtide.models.catalogue import catalogue
from lowtide.models.store import Store
from lowtide.voice.offer import offer

Terminal = Callable[..., tuple[int, str]]
Offered = Callable[[str], tuple[int, str]]

NO_NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
"""Nothing listens there, so that the real address is never asked."""


@pytest.fixture
def offered(terminal: Terminal, tmp_path: Path) -> Offered:
    """Exit status and what stands on the screen when somebody answers so."""

    def answered(answer: str) -> tuple[int, str]:
        env = NO_NETWORK | {"LOWTIDE_MODELS": str(tmp_path)}
        return terminal("-m", "lowtide.voice.offer", typed=answer, env=env)

    return answered


def test_no_is_taken_for_an_answer_and_not_asked_again(offered: Offered) -> None:
    status, shown = offered("n\n")
    assert status == 0
    assert "41 MB" in shown
    assert "Fetch it now? [y/N]" in shown
    assert "scripts/run models get speech" in shown
    assert offered("")[1].strip() == ""


def test_without_a_network_it_goes_on_with_what_is_there(offered: Offered) -> None:
    status, shown = offered("y\n")
    assert status == 0
    assert "--from FILE.zip" in shown
    assert "Going on with the embedded recogniser." in shown
    assert "Traceback" not in shown


def test_without_a_terminal_nothing_is_asked(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lowtide.voice.offer"],
        input="y\n",
        capture_output=True,
        text=True,
        env=os.environ | NO_NETWORK | {"LOWTIDE_MODELS": str(tmp_path)},
        check=True,
        timeout=60,
    )
    assert (done.stdout, done.stderr) == ("", "")
    assert not list(tmp_path.iterdir())


def test_it_is_not_offered_to_somebody_who_has_one(tmp_path: Path) -> None:
    (tmp_path / catalogue()[0].name).mkdir()
    (tmp_path / catalogue()[0].name / "lowtide-model.json").write_text("{}")
    offer(Store(tmp_path), pytest.fail)
