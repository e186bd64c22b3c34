"""The room that the tests of this folder share."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from room import Evening, Room

PROGRAMS = ("pulseaudio", "pactl", "parec", "paplay")
PLUGIN = "libasound_module_pcm_pulse.so"
"""ALSA's way to PulseAudio; Debian's libasound2-plugins."""
MORE_GOES = 2
"""For a test in real time that failed: a room in software loses sound where another program takes
the machine's cores for a moment. What fails for a reason of ours fails each time; a run that needed
another go lists it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give the tests of this folder another go; nights by hand get none, they are measurements."""
    for item in items:
        if item.get_closest_marker("sound") and not item.get_closest_marker("aloud"):
            item.add_marker(pytest.mark.flaky(reruns=MORE_GOES))


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


@pytest.fixture
def evening(room: Room, tmp_path: Path) -> Iterator[Evening]:
    """A session that is listening; what was on tape is kept beside the test's other files."""
    with room.tape("room") as people, room.tape("speaker") as voice:
        with room.talk() as talk:
            yield Evening(talk, people, voice)
        people.write(tmp_path / "people.wav")
        voice.write(tmp_path / "voice.wav")
