"""What every test may ask for: the program as a person starts it, speech, and where figures go."""

import contextlib
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from lowtide.models.store import default_root

INSTALLED_MODELS = default_root()
"""Where the person's own models are, before the tests are set apart from them."""

TEST_MODEL = Path(__file__).parents[1] / "models" / "test" / "vosk-model-lowtide-test"

Lowtide = Callable[..., subprocess.CompletedProcess[str]]
Spoken = Callable[..., Path]
Needs = Callable[..., None]


@pytest.fixture(scope="session")
def needs() -> Needs:
    """Skip a test for what this machine lacks; `.ci/run` lets nothing be skipped so."""

    def check(what: str, *, here: bool) -> None:
        if not here and os.environ.get("LOWTIDE_SKIP_NOTHING"):
            pytest.fail(f"{what} is missing, and nothing may be skipped here")
        if not here:
            pytest.skip(f"{what} is missing")

    return check


@pytest.fixture(scope="session", autouse=True)
def apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No setting, model or prompt of this machine changes a result, and none is changed."""
    folder = tmp_path_factory.mktemp("apart")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOWTIDE_CACHE", str(folder / "cache"))
        patch.setenv("LOWTIDE_MODELS", str(folder / "models"))
        patch.setenv("LOWTIDE_SETTINGS", str(folder / "settings.toml"))
        patch.setenv("LOWTIDE_JOURNAL", str(folder / "journal.sqlite"))
        yield folder


@pytest.fixture
def installed_models(monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the models that are really installed here, for a test that asks for them."""
    monkeypatch.setenv("LOWTIDE_MODELS", str(INSTALLED_MODELS))
    return INSTALLED_MODELS


@pytest.fixture(scope="session")
def lowtide() -> Lowtide:
    """Run the program: `lowtide("hear", path, stdin="", env={})`, ended after `within` seconds."""

    def run(
        *arguments: str | Path,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        within: float = 60,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lowtide.voice", *map(str, arguments)],
            input=stdin,
            env=os.environ | (env or {}),
            capture_output=True,
            text=True,
            timeout=within,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def vosk_folder() -> Path:
    """A Vosk model: ours for tests, or a real one that LOWTIDE_VOSK_MODEL names."""
    chosen = os.environ.get("LOWTIDE_VOSK_MODEL")
    return Path(chosen) if chosen else TEST_MODEL


@pytest.fixture(scope="session")
def terminal() -> Callable[..., tuple[int, str]]:
    """Run Python at a terminal: exit status, and what is seen there."""

    def run(
        *arguments: str | Path, typed: str = "", env: Mapping[str, str] | None = None
    ) -> tuple[int, str]:
        ours, theirs = pty.openpty()
        started = subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=os.environ | {"TERM": "xterm"} | (env or {}),
        )
        os.close(theirs)
        os.write(ours, typed.encode())
        seen = b""
        # Linux says by an error that the other end has closed.
        with contextlib.suppress(OSError):
            while piece := os.read(ours, 4096):
                seen += piece
        os.close(ours)
        return started.wait(), seen.decode()

    return run


@pytest.fixture(scope="session")
def spoken(tmp_path_factory: pytest.TempPathFactory, needs: Needs) -> Spoken:
    """Speech as a 16 kHz mono WAV, made by flite: `spoken("stay with me", voice="rms")`."""
    needs("flite", here=shutil.which("flite") is not None)
    folder = tmp_path_factory.mktemp("spoken")

    def speak(text: str, voice: str = "slt") -> Path:
        path = folder / f"{voice} {text}.wav"
        if not path.exists():
            subprocess.run(["flite", "-voice", voice, "-t", text, "-o", path], check=True)
        return path

    return speak


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print every figure that a test recorded by `record_property`."""
    figures = [
        f"{name}: {value}"
        for outcome in ("passed", "failed")
        for report in terminalreporter.getreports(outcome)
        for name, value in report.user_properties
    ]
    if figures:
        terminalreporter.section("measured")
        for figure in figures:
            terminalreporter.line(figure)
