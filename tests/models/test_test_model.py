"""The Vosk model for tests stays a thing for tests."""

import tomllib
from fnmatch import fnmatch
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_model_for_tests_is_not_packed_for_people() -> None:
    """By the patterns of package data; setuptools packs nothing else of the folder."""
    setuptools = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    patterns = setuptools["package-data"]["lowtide.models"]
    files = [path.relative_to(ROOT / "models") for path in (ROOT / "models/test").rglob("*")]
    assert files
    assert not [path for path in files for each in patterns if fnmatch(path.as_posix(), each)]


def test_it_is_small_and_says_what_it_is() -> None:
    folder = ROOT / "models" / "test"
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    assert size < 5_000_000
    assert "for tests" in (folder / "README.md").read_text("utf-8")
