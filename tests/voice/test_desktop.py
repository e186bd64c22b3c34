"""A Linux desktop: the menu entry starts this program, and everything can be taken away again."""

import configparser
import re
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from lowtide.voice import desktop

Lowtide = Callable[..., CompletedProcess[str]]


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_the_menu_entry_starts_this_lowtide(
    lowtide: Lowtide, home: dict[str, str], tmp_path: Path
) -> None:
    assert lowtide("desktop", "install", env=home).returncode == 0
    entry, icon = files(tmp_path)
    assert entry.name == "lowtide.desktop"
    read = configparser.RawConfigParser(interpolation=None)
    read.optionxform = str  # type: ignore[assignment,method-assign]
    read.read(entry)
    program, command = shlex.split(read["Desktop Entry"]["Exec"])
    assert command == "talk"
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    assert said.stdout.startswith("lowtide ")
    assert icon.read_text("utf-8").startswith("<svg ")
    if shutil.which("desktop-file-validate"):
        subprocess.run(["desktop-file-validate", entry], check=True)


def test_the_microphone_without_echo_is_written_and_said_how_to_use(
    lowtide: Lowtide, home: dict[str, str], tmp_path: Path
) -> None:
    done = lowtide("desktop", "echo-cancel", env=home)
    (written,) = files(tmp_path)
    assert written.parent.name == "pipewire.conf.d"
    text = written.read_text("utf-8")
    assert "libpipewire-module-echo-cancel" in text
    assert text.count("{") == text.count("}")
    microphone, speaker = re.findall(r'node\.name = "(\w+)"', text)
    assert f"pactl set-default-source {microphone}; pactl set-default-sink {speaker}" in done.stdout


def test_what_was_written_can_be_taken_away(
    lowtide: Lowtide, home: dict[str, str], tmp_path: Path
) -> None:
    lowtide("desktop", "install", env=home)
    lowtide("desktop", "echo-cancel", env=home)
    assert len(files(tmp_path)) == 3
    assert lowtide("desktop", "remove", env=home).stdout.count("Deleted: ") == 3
    assert files(tmp_path) == []
    assert lowtide("desktop", "remove", env=home).stdout == "There was nothing to delete.\n"


def test_a_folder_that_cannot_be_written(
    lowtide: Lowtide, home: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "data").touch()  # A file where the folder would be stops root too.
    done = lowtide("desktop", "install", env=home)
    assert done.returncode == 1
    assert "can't be changed" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_doctor_knows_both(
    home: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (home | {"PULSE_SERVER": f"unix:{tmp_path}/none"}).items():
        monkeypatch.setenv(name, value)
    assert "lowtide desktop install" in desktop.state()
    desktop.install()
    desktop.echo_cancel()
    assert desktop.state().startswith("in the menu; microphone without echo written")
