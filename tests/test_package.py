"""What is built for other people's machines: a wheel and an sdist with everything inside."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
Spoken = Callable[..., Path]

BUILD = """
import os, sys
from setuptools import build_meta
_, checkout, out = sys.argv  # The builds change it.
os.chdir(checkout)
print(build_meta.build_sdist(out))
print(build_meta.build_wheel(out))
"""


def ours() -> list[str]:
    """The files of the checkout, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Sdist and wheel, built from a copy so that nothing of an earlier build is in them."""
    folder = tmp_path_factory.mktemp("package")
    checkout, out = folder / "checkout", folder / "out"
    out.mkdir()
    for name in ours():
        (checkout / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, checkout / name)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", BUILD, checkout, out],
        capture_output=True,
        text=True,
        check=True,
    )
    sdist, wheel = (out / name for name in done.stdout.split("\n") if name.startswith("lowtide-"))
    return sdist, wheel


def test_the_wheel_has_everything_that_runs_and_nothing_else(built: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(built[1]) as wheel:
        inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    expected = {
        f"lowtide/{name}"
        for name in ours()
        if name.split("/")[0] in ("voice", "intents", "models")
        and not name.startswith(("models/training/", "models/test/"))
        and not name.endswith(".md")
    }
    assert inside >= expected
    assert all(name.endswith(".md") for name in inside - expected)


def test_the_sdist_can_build_the_same_wheel(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    with zipfile.ZipFile(built[1]) as wheel:
        inside = {
            name.removeprefix("lowtide/")
            for name in wheel.namelist()
            if name.startswith("lowtide/")
        }
    assert names >= inside | {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"}


@pytest.fixture(scope="module")
def installed(built: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new environment with the wheel; only what it depends on is lent to it, not the checkout."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "pip", "--python", python, "install", "-q", "--no-deps", built[1]],
        check=True,
        env=os.environ | {"PIP_NO_INDEX": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    [libraries] = (folder / "lib").glob("*/site-packages")
    lent = next(path for path in map(Path, sys.path) if path.name == "site-packages")
    (libraries / "lent.pth").write_text(f"{lent}\n")  # Its own .pth files are not followed.
    return folder / "bin"


def run(program: Path, *arguments: str | Path, stdin: str = "") -> str:
    done = subprocess.run(
        [program, *arguments],
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=program.parent,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_installed_wheel_is_not_the_checkout(installed: Path) -> None:
    where = run(installed / "python", "-c", "import lowtide.voice as v; print(v.__file__)")
    assert where.startswith(str(installed.parent))


def test_the_installed_wheel_understands(installed: Path) -> None:
    out = run(installed / "lowtide", "understand", "--json", stdin="i keep staring at his number\n")
    found: dict[str, Any] = json.loads(out)
    assert found["text"] == "i keep staring at his number"
    assert found["intent"]


def test_the_installed_wheel_hears(installed: Path, spoken: Spoken) -> None:
    recording = spoken("does he miss me", "rms")
    out = run(installed / "lowtide", "hear", "--json", recording)
    assert json.loads(out.splitlines()[0])["intent"] == "does_he_miss_me"


def test_it_says_its_version_and_completes_commands(installed: Path) -> None:
    assert run(installed / "lowtide", "--version").split() == ["lowtide", "0.1.0"]
    script = run(installed / "lowtide", "--show-completion", "bash")
    assert "_LOWTIDE_COMPLETE" in script


def test_from_a_checkout_python_m_voice_is_the_same_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "voice", "understand"],
        input="does he miss me\n",
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert done.stdout.startswith("does_he_miss_me ")


def test_python_m_voice_without_an_installation_says_what_to_do() -> None:
    start = (
        "import runpy, sys; sys.path.insert(0, '.'); runpy.run_module('voice', None, '__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", start],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr == "lowtide: not installed for this Python; pip install . or scripts/run\n"
