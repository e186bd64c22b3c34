"""The sound server's own devices, where there is one: PulseAudio, or PipeWire in its place.

PortAudio reaches the server through ALSA and sees one device there; which of the server's own it is
led to is said in the environment, before it is opened.
"""

import json
import os
import subprocess
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["input", "output"]
LISTED = {"input": "sources", "output": "sinks"}
STREAMS = {"input": "source-output", "output": "sink-input"}
"""What the server calls what goes out of a source, and into a sink."""
LEADS = {"input": "PULSE_SOURCE", "output": "PULSE_SINK"}
"""Variables that PulseAudio's library reads when a stream is opened."""
CANCELS = "echo-cancel"
"""Stands in the module of a device that takes the echo off, or in its name."""
OURS, BESIDE_OURS = "aec_mic", "aec_speaker"
"""The microphone and the loudspeaker that "lowtide desktop echo-cancel" makes."""


@dataclass(frozen=True)
class Device:
    """A source or a sink of the server."""

    index: int
    """The server's own number; one that is plugged in again has another."""
    name: str
    description: str
    driver: str
    monitors: bool
    """Whether it is what a loudspeaker plays, and no microphone."""


def devices(kind: Kind) -> tuple[Device, ...]:
    """What the server has; nothing where there is no server, or none that can be asked."""
    try:
        listed = json.loads(pactl("--format=json", "list", LISTED[kind]))
        return tuple(_device(each) for each in listed)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return ()


def named(kind: Kind, name: str) -> Device | None:
    """The device of this name, or the only one with it in its name or description."""
    known = devices(kind)
    exact = [device for device in known if device.name == name]
    partly = [
        device
        for device in known
        if name.lower() in device.name.lower() or name.lower() in device.description.lower()
    ]
    return next(iter(exact or (partly if len(partly) == 1 else [])), None)


def called(kind: Kind, name: str) -> Device | None:
    """The device of just this name."""
    return next((device for device in devices(kind) if device.name == name), None)


def lead_to(kind: Kind, device: Device) -> None:
    """Have what is opened from now on in this process lead to a device, and stay there."""
    os.environ[LEADS[kind]] = device.name


def move_to(kind: Kind, device: Device) -> bool:
    """Have what is open in this process go on with a device; whether it does."""
    ours, stream = str(os.getpid()), STREAMS[kind]
    try:
        listed = json.loads(pactl("--format=json", "list", f"{stream}s"))
        numbers = [each["index"] for each in listed if _process(each) == ours]
        for number in numbers:
            pactl(f"move-{stream}", str(number), device.name)
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        return False
    return bool(numbers)


def without_echo() -> Device | None:
    """A microphone out of which the server takes what it plays, if there is one."""
    for device in devices("input"):
        cancels = CANCELS in device.driver or CANCELS in device.name or device.name == OURS
        if cancels and not device.monitors:
            return device
    return None


def played_beside(microphone: Device) -> Device | None:
    """The loudspeaker whose sound is taken out of a microphone without echo."""
    for device in devices("output"):
        same = device.driver == microphone.driver and CANCELS in device.driver
        if same or CANCELS in device.name or device.name == BESIDE_OURS:
            return device
    return None


def _device(listed: dict[str, Any]) -> Device:
    properties = listed.get("properties") or {}
    return Device(
        index=int(listed["index"]),
        name=str(listed["name"]),
        description=str(listed.get("description") or ""),
        driver=str(listed.get("driver") or ""),
        monitors=properties.get("device.class") == "monitor",
    )


def _process(listed: dict[str, Any]) -> str:
    """Whose stream it is."""
    return str((listed.get("properties") or {}).get("application.process.id"))


def pactl(*command: str) -> str:
    """What the server answers.

    Raises:
        OSError: There is no pactl here.
        subprocess.SubprocessError: There is no server, or it does not answer.
    """
    done = subprocess.run(  # noqa: S603 - our own words
        ["pactl", *command],  # noqa: S607 - wherever the system has it
        capture_output=True,
        text=True,
        timeout=5,
        check=True,
        env=os.environ | {"LC_ALL": "C"},
    )
    return done.stdout
