"""The room that the tests of this folder share."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from room import Room

PROGRAMS = ("pulseaudio", "pactl", "parec", "paplay")
PLUGIN = "libasound_module_pcm_pulse.so"
"""ALSA's way to PulseAudio; Debian's libasound2-plugins."""


@pytest.fixture(scope="session")
def room(
    tmp_path_factory: pytest.TempPathFactory,
    apart: None,  # noqa: ARG001 - the room's environment is made from what this sets
    needs: Callable[..., None],
) -> Iterator[Room]:
    """A room of our own; nothing of this machine's sound is touched."""
    for program in PROGRAMS:
        needs(program, here=shutil.which(program) is not None)
    needs(PLUGIN, here=any(Path("/usr/lib").glob(f"**/{PLUGIN}")))
    room = Room(tmp_path_factory.mktemp("room"))
    yield room
    room.close()
