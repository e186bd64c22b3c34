"""`lowtide models` as a person types it; the real addresses are never asked."""

import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lowtide.models.catalogue import catalogue

Lowtide = Callable[..., CompletedProcess[str]]

TEST_MODEL = Path(__file__).parents[2] / "models" / "test" / "vosk-model-lowtide-test"
SMALL = catalogue()[0].name
NO_NETWORK = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"}
"""Nothing listens there."""


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    return NO_NETWORK | {"LOWTIDE_MODELS": str(tmp_path)}


def complaint(done: CompletedProcess[str]) -> str:
    assert done.returncode == 1, done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("lowtide: ")
    return line


def test_the_list_says_what_each_model_costs_and_gives(
    lowtide: Lowtide, env: dict[str, str]
) -> None:
    shown = lowtide("models", "list", env=env).stdout
    for model in catalogue():
        assert model.name in shown
        assert model.licence in shown
    assert f"{SMALL}  (not installed)" in shown
    assert "41 MB" in shown
    assert "about 300 MB of memory" in shown
    assert "9.9 % word errors" in shown
    assert "no verified SHA-256" in shown
    assert "one source only" in shown


def test_get_without_a_network_is_one_line_with_the_way_by_hand(
    lowtide: Lowtide, env: dict[str, str]
) -> None:
    line = complaint(lowtide("models", "get", "speech", env=env))
    assert "the proxy in HTTPS_PROXY or HTTP_PROXY does not let it through" in line
    assert line.endswith(f"then: lowtide models get {SMALL} --from FILE.zip")


def test_get_refuses_what_nobody_verified(lowtide: Lowtide, env: dict[str, str]) -> None:
    line = complaint(lowtide("models", "get", "vosk-model-en-us-0.22", env=env))
    assert "nobody has verified its SHA-256" in line


def test_get_refuses_another_file(lowtide: Lowtide, env: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "other.zip").write_bytes(b"photographs")
    done = lowtide("models", "get", "speech", "--from", tmp_path / "other.zip", env=env)
    assert f"other.zip: is not {SMALL}" in complaint(done)


def test_check_path_and_remove_say_what_is_wrong(
    lowtide: Lowtide, env: dict[str, str], tmp_path: Path
) -> None:
    assert "needs none" in lowtide("models", "check", env=env).stdout
    assert f"fetch it: lowtide models get {SMALL}" in complaint(
        lowtide("models", "path", "speech", env=env)
    )
    (tmp_path / SMALL).mkdir()
    (tmp_path / SMALL / "lowtide-model.json").write_text('{"files": {"am/final.mdl": "0"}}')
    done = lowtide("models", "check", env=env)
    assert done.returncode == 1
    assert done.stdout.startswith(f"NOT  {SMALL}: am/final.mdl is not what it was")
    assert lowtide("models", "remove", SMALL, env=env).returncode == 0
    assert "is not installed" in complaint(lowtide("models", "remove", SMALL, env=env))


def test_the_model_for_tests_is_never_chosen_for_a_person(
    lowtide: Lowtide, env: dict[str, str], tmp_path: Path
) -> None:
    shutil.copytree(TEST_MODEL, tmp_path / TEST_MODEL.name)
    assert TEST_MODEL.name not in lowtide("models", "list", env=env).stdout
    done = lowtide("doctor", "--engine", "auto", env=env)
    (engine,) = [line for line in done.stdout.splitlines() if line[5:].startswith("engine ")]
    assert "Whisper" in engine
