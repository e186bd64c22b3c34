"""Back to a device that is named in the settings, when it is plugged in again.

Where a device of the sound server's goes, the server moves our sound to another one and leaves it
there: we look every few seconds whether it is back.
"""

import threading
from collections.abc import Mapping

from lowtide.voice import sound_server
from lowtide.voice.sound_server import Device, Kind

LOOKS_EVERY = 4.0
"""Seconds. A look costs a short process of its own for each device that is named."""


def keep_to(devices: Mapping[Kind, Device]) -> None:
    """Go back to these whenever they are back, as long as this process lives."""
    if devices:
        threading.Thread(target=_look, args=(dict(devices),), daemon=True).start()


def _look(devices: dict[Kind, Device]) -> None:
    pause = threading.Event()
    while not pause.wait(LOOKS_EVERY):
        for kind, before in devices.items():
            now = sound_server.called(kind, before.name)
            # Where somebody moved us by hand it never went, and we stay where they want us.
            if now and now.index != before.index and sound_server.move_to(kind, now):
                devices[kind] = now
