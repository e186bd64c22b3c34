"""The one door to PortAudio: devices by name, its chatter kept from the person's screen."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Iterator
from functools import cache
from typing import Any

from lowtide.voice import sound_server
from lowtide.voice.sound_server import Kind

DOORS = ("pulse", "default")
"""What ALSA calls the way to a sound server, the surest first."""
INSTALL = "install it with: sudo apt-get install libportaudio2 libasound2-plugins"


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Keep what C libraries write to standard error off the screen."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def sounddevice() -> Any:  # noqa: ANN401 - an untyped library
    """The sounddevice module, PortAudio started.

    Raises:
        OSError: The PortAudio library is not on this machine.
    """
    with silenced():
        _hush_alsa()
        import sounddevice as loaded  # noqa: PLC0415 - starting PortAudio takes a while

        return loaded


@cache
def _hush_alsa() -> None:
    """Keep ALSA from writing to standard error, which it does at any time from the sound thread.

    Its handler must be C: a Python function would wait there for the interpreter lock. `abs` looks
    at its first argument and does nothing.
    """
    with contextlib.suppress(OSError):  # There is no ALSA on this system.
        alsa = ctypes.CDLL("libasound.so.2")
        alsa.snd_lib_error_set_handler(ctypes.cast(ctypes.CDLL(None).abs, ctypes.c_void_p))


def devices(kind: Kind) -> list[dict[str, Any]]:
    """The devices that can do "input" or "output", in PortAudio's order."""
    return [
        device for device in sounddevice().query_devices() if device[f"max_{kind}_channels"] > 0
    ]


def names(kind: Kind) -> list[str]:
    """What a device may be called by, ours and the sound server's."""
    return [
        *(str(device["name"]) for device in devices(kind)),
        *(device.name for device in sound_server.devices(kind) if not device.monitors),
    ]


def find(kind: Kind, name: str | None) -> dict[str, Any] | None:
    """The device of this name (or the only one with it in its name), or the default one.

    The name may be one that only the sound server knows.
    """
    usable = devices(kind)
    if name is None:
        default = sounddevice().default.device[0 if kind == "input" else 1]
        first = [device for device in usable if device["index"] == default]
        return next(iter(first or usable), None)
    exact = [device for device in usable if device["name"] == name]
    partly = [device for device in usable if name.lower() in device["name"].lower()]
    found = next(iter(exact or (partly if len(partly) == 1 else [])), None)
    return found or _of_the_server(kind, name)


def _of_the_server(kind: Kind, name: str) -> dict[str, Any] | None:
    """The device that leads to the sound server, led to the server's own device of this name."""
    door = next((each for at in DOORS for each in devices(kind) if each["name"] == at), None)
    device = sound_server.named(kind, name)
    if door is None or device is None:
        return None
    sound_server.lead_to(kind, device)
    return door | {"name": device.name, "of_the_server": device}
