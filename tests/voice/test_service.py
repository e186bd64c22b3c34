"""Run in the background: the unit, the signs of life, the poke from elsewhere."""

import os
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lowtide.voice.service import notify
from lowtide.voice.waking import NoSession, Pokes, poke

Lowtide = Callable[..., CompletedProcess[str]]


@pytest.mark.skipif(os.name != "posix", reason="pokes go through a named pipe")
def test_a_poke_reaches_the_session_that_runs_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    with pytest.raises(NoSession):
        poke()
    with Pokes() as pokes:
        assert not pokes.taken()
        poke()
        assert pokes.taken()
        assert not pokes.taken()
        [pipe] = tmp_path.rglob("poke")
        assert stat.S_IMODE(pipe.stat().st_mode) == 0o600, "nobody else may wake us"
    with pytest.raises(NoSession):
        poke()


def test_the_command_says_that_nothing_runs(lowtide: Lowtide, tmp_path: Path) -> None:
    done = lowtide("poke", env={"XDG_RUNTIME_DIR": str(tmp_path)})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "lowtide: No session is running here; start one: lowtide\n"


def test_the_unit_is_written_and_shows_no_words(lowtide: Lowtide, tmp_path: Path) -> None:
    systemctl = tmp_path / "bin" / "systemctl"  # a fake: no user's systemd runs in a container
    systemctl.parent.mkdir()
    systemctl.write_text("#!/bin/sh\n")
    systemctl.chmod(0o755)
    path = f"{systemctl.parent}:{os.environ['PATH']}"
    done = lowtide("service", "install", env={"XDG_CONFIG_HOME": str(tmp_path), "PATH": path})
    assert done.returncode == 0, done.stderr
    unit = (tmp_path / "systemd" / "user" / "lowtide.service").read_text()
    assert "talk --quiet" in unit
    assert "WatchdogSec=" in unit


def test_systemd_is_told_that_we_are_alive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(2)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        notify("WATCHDOG=1")
        assert systemd.recv(64) == b"WATCHDOG=1"
