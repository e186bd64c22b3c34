"""The arrows of the house: voice → intents, voice → models, and nothing else."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAY_IMPORT = {"voice": {"voice", "intents", "models"}, "intents": {"intents"}, "models": {"models"}}
NOT_IN_THE_CORE = {
    "asyncio", "datetime", "multiprocessing", "sounddevice", "soundfile", "sqlite3", "subprocess",
    "threading", "time", "urllib",
}  # fmt: skip


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_rooms_import_only_where_the_arrows_point(room: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} → {module}"
        for path in (ROOT / room).rglob("*.py")
        for module in imported(path)
        if module.startswith("lowtide.") and module.split(".")[1] not in MAY_IMPORT[room]
    ]
    assert not wrong


def test_the_core_has_no_clock_no_threads_and_no_sound() -> None:
    wrong = [
        f"{path.name} imports {module}"
        for path in (ROOT / "intents").rglob("*.py")
        for module in imported(path)
        if module.split(".")[0] in NOT_IN_THE_CORE
    ]
    assert not wrong


def test_nothing_but_the_store_reaches_for_the_network() -> None:
    reaching = {"http", "pooch", "requests", "socket", "urllib", "urllib3", "websockets"}
    found = [
        path
        for room in MAY_IMPORT
        for path in (ROOT / room).rglob("*.py")
        if any(module.split(".")[0] in reaching for module in imported(path))
    ]
    # systemd is told that we are alive through a socket of this machine.
    local = ROOT / "voice" / "service.py"
    assert "AF_UNIX" in local.read_text()
    assert "AF_INET" not in local.read_text()
    assert {str(path.relative_to(ROOT)) for path in found if path != local} == {
        "models/download.py"
    }


def test_only_the_bridges_listen_on_a_socket() -> None:
    serving = {"aiohttp", "socketserver", "ssl", "wyoming", "zeroconf"}
    wrong = [
        str(path.relative_to(ROOT))
        for room in MAY_IMPORT
        for path in (ROOT / room).rglob("*.py")
        if any(module.split(".")[0] in serving for module in imported(path))
        and path.parent != ROOT / "voice" / "bridges"
        and path.name != "serve_cli.py"  # It looks whether they are there.
    ]
    assert not wrong
