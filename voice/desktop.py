"""A Linux desktop: an entry in its menu and a microphone without echo, written on request."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from lowtide.voice import sound_server
from lowtide.voice.errors import BadFolder
from lowtide.voice.sound_server import pactl

FILES = Path(__file__).parent / "desktop_files"
ICON = Path(__file__).parent / "bridges" / "page" / "icon.svg"
MICROPHONE, SPEAKER = sound_server.OURS, sound_server.BESIDE_OURS
"""The nodes' names, as PipeWire and PulseAudio list them; what is not played there is not taken."""
USE = f"pactl set-default-source {MICROPHONE}; pactl set-default-sink {SPEAKER}"


def entry_file() -> Path:
    """Where menus look for us."""
    return _home("DATA", ".local/share") / "applications" / "lowtide.desktop"


def icon_file() -> Path:
    """Where they look for the picture."""
    return _home("DATA", ".local/share") / "icons/hicolor/scalable/apps/lowtide.svg"


def echo_file() -> Path:
    """Where PipeWire looks for additions."""
    return _home("CONFIG", ".config") / "pipewire/pipewire.conf.d/60-lowtide-echo-cancel.conf"


def install() -> tuple[Path, ...]:
    """Write the entry and its icon; what was written.

    Raises:
        BadFolder: It can't be written.
    """
    entry = (FILES / "lowtide.desktop").read_text("utf-8").format(program=_program())
    _write(icon_file(), ICON.read_text("utf-8"))
    _write(entry_file(), entry)
    return entry_file(), icon_file()


def echo_cancel() -> Path:
    """Write the addition to PipeWire; what was written.

    Raises:
        BadFolder: It can't be written.
    """
    _write(echo_file(), (FILES / "echo-cancel.conf").read_text("utf-8"))
    return echo_file()


def remove() -> Iterator[Path]:
    """Take away what was written; what was there.

    Raises:
        BadFolder: It can't be deleted.
    """
    for path in (entry_file(), icon_file(), echo_file()):
        with _told(path), contextlib.suppress(FileNotFoundError):
            path.unlink()
            yield path


def state() -> str:
    """One line about both, and what to do."""
    if not sys.platform.startswith("linux"):
        return "not a Linux desktop; nothing to do"
    entry = "in the menu" if entry_file().exists() else "not in the menu (lowtide desktop install)"
    if not echo_file().exists():
        return f"{entry}; no microphone without echo (lowtide desktop echo-cancel)"
    return f"{entry}; {_echo()}"


def _home(kind: str, usual: str) -> Path:
    """One of the folders of the XDG base directory specification."""
    chosen = os.environ.get(f"XDG_{kind}_HOME", "")
    return Path(chosen) if chosen.startswith("/") else Path.home() / usual


def _program() -> str:
    """How we are started, quoted as desktop entries want it."""
    beside = Path(sys.executable).with_name("lowtide")
    program = beside if beside.exists() else Path(shutil.which("lowtide") or beside)
    escaped = "".join(f"\\{each}" if each in '"`$\\' else each for each in str(program))
    # A value is read twice: first as a string, where a backslash is two, then as a command.
    return '"' + escaped.replace("\\", "\\\\").replace("%", "%%") + '"'


def _write(path: Path, text: str) -> None:
    """All of it or nothing."""
    with _told(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, suffix=".part", delete=False
        ) as part:
            part.write(text)
        Path(part.name).chmod(0o644)
        Path(part.name).replace(path)


@contextlib.contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        raise BadFolder(f"{path}: can't be changed ({error.strerror}).") from error


def _echo() -> str:
    """Whether the microphone without echo is there and in use, as the sound server has it."""
    try:
        used = {pactl("get-default-source").strip(), pactl("get-default-sink").strip()}
        sources = pactl("list", "short", "sources").split()
    except (OSError, subprocess.SubprocessError):
        return "microphone without echo written; pactl can't say whether it is used"
    if used == {MICROPHONE, SPEAKER}:
        return "microphone without echo in use"
    if MICROPHONE in sources:
        return f"microphone without echo not in use; run: {USE}"
    return "microphone without echo not there yet; run: systemctl --user restart pipewire"
