"""A systemd user service: started with the person's session, watched, and logging no words."""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from lowtide.voice.errors import Trouble

WATCHDOG_SECONDS = 30
TELLS_EVERY = 150
"""Frames (5 s) between two signs of life."""
UNIT = """\
[Unit]
Description=lowtide, a voice companion (offline)
After=pipewire.service pulseaudio.service

[Service]
Type=notify
NotifyAccess=main
ExecStart={program} -m lowtide.voice talk --quiet
WatchdogSec={watchdog}
Restart=on-failure
RestartSec=2

[Install]
WantedBy=default.target
"""


class NoService(Trouble):
    """There is no systemd here, or the unit can't be written."""


def install() -> Path:
    """Write the unit, and have systemd know it; it is started by the person.

    Raises:
        NoService: There is no systemd here, or the folder can't be written.
    """
    systemctl = shutil.which("systemctl")
    if systemctl is None:
        raise NoService("There is no systemd on this machine, so there is no service to install.")
    path = unit_file()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(UNIT.format(program=sys.executable, watchdog=WATCHDOG_SECONDS), "utf-8")
    except OSError as error:
        raise NoService(f"{path}: can't be written ({error.strerror}).") from error
    # Without a user's own systemd (a container, a bare ssh) it is read at the next login.
    subprocess.run([systemctl, "--user", "daemon-reload"], check=False, capture_output=True)  # noqa: S603
    return path


def unit_file() -> Path:
    """Where the unit belongs."""
    base = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(base) / "systemd" / "user" / "lowtide.service"


def notify(state: str) -> None:
    """Tell systemd "READY=1" or "WATCHDOG=1", where it asked for that (sd_notify(3))."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.sendto(state.encode(), address)
