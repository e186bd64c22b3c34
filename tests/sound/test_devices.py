"""The person changes devices in the middle of a night; the conversation goes with them."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from room import EARS_OPEN, Room, Talk

pytestmark = pytest.mark.sound

Spoken = Callable[..., Path]
Record = Callable[[str, object], None]

SETTLES = 2.5
"""Seconds for a null sink to settle on another stream's blocks."""
BACK_WITHIN = 12.0
"""Seconds: 10, and two for the look of a busy machine."""
ASLEEP = 6.0
"""Seconds for which the machine sleeps: longer than any watchdog of ours waits."""


@pytest.fixture
def desk(room: Room) -> Iterator[Room]:
    """The room as a desktop's sound server has it: which devices are used is its own choice."""
    with room.following_the_server():
        yield room


@contextmanager
def talking(room: Room, **environment: str) -> Iterator[Talk]:
    with room.tape("room"), room.tape("speaker"), room.talk(**environment) as talk:
        talk.greeting()
        yield talk
        status, errors = talk.stop()
        assert (status, "Traceback" in errors) == (0, False)


@contextmanager
def naming(*devices: str) -> Iterator[None]:
    """With devices named in the settings."""
    settings = Path(os.environ["LOWTIDE_SETTINGS"])
    settings.write_text("\n".join(devices))
    try:
        yield
    finally:
        settings.unlink(missing_ok=True)


def asked(room: Room, talk: Talk, line: Path, at: str = "room") -> str:
    """Somebody speaks before a microphone; what was understood."""
    room.say(line, at)
    return str(talk.answered(within=60)["intent"])


def is_heard(room: Room, talk: Talk, spoken: Spoken, at: str = "room") -> None:
    """Once the sinks have settled, somebody speaks before a microphone and is understood."""
    time.sleep(SETTLES)
    line = spoken("Does he miss me?", voice="rms")
    assert asked(room, talk, line, at) == "does_he_miss_me"


def test_a_headset_that_becomes_the_default_is_spoken_into_and_heard_on(
    desk: Room, spoken: Spoken
) -> None:
    with desk.another("headset"), desk.another("earphones"), talking(desk) as talk:
        desk.use(source="headset.monitor", sink="earphones")
        with desk.tape("headset"), desk.tape("earphones") as ear, desk.tape("speaker") as speaker:
            is_heard(desk, talk, spoken, at="headset")
            assert ear.sounds()
            assert not speaker.sounds()


def test_a_microphone_that_is_named_in_the_settings_is_kept(desk: Room, spoken: Spoken) -> None:
    with (
        naming('microphone = "room.monitor"', 'speaker = "speaker"'),
        desk.another("headset"),
        desk.another("earphones"),
    ):
        desk.use(source="headset.monitor", sink="earphones")
        with talking(desk) as talk, desk.tape("earphones") as ear:
            desk.use(source="speaker.monitor", sink="room")
            desk.use(source="headset.monitor", sink="earphones")
            is_heard(desk, talk, spoken)
            assert not ear.sounds()


def listed(desk: Room, what: str) -> list[dict[str, Any]]:
    """What the sound server has of a kind."""
    command = ("pactl", "--format=json", "list", what)
    done = subprocess.run(command, env=desk.environment, check=True, capture_output=True, text=True)
    return list(json.loads(done.stdout))


def sounds_at(desk: Room, kind: str, stream: str, device: str) -> bool:
    """Whether our sound goes through this device; whoever else uses one here does not use ALSA."""
    ours = {each[kind] for each in listed(desk, f"{stream}s") if "ALSA" in str(each["properties"])}
    here = {each["index"] for each in listed(desk, f"{kind}s") if each["name"] == device}
    return bool(here) and ours == here


def back_after(desk: Room, kind: str, stream: str, device: str) -> float:
    """Seconds until our sound goes through a device that was plugged in again."""
    since = time.monotonic()
    while not sounds_at(desk, kind, stream, device):
        assert time.monotonic() < since + BACK_WITHIN, f"not back on {device}"
        time.sleep(0.2)
    return time.monotonic() - since


@contextmanager
def gone_back_to(
    desk: Room, setting: str, name: str, mine: tuple[str, str, str], record_property: Record
) -> Iterator[Talk]:
    """Talking on a device that is named in the settings, after it was out and in again."""
    with desk.another(name) as pull_out, naming(setting), talking(desk) as talk:
        assert talk.turn(within=60)["text"] == "", "the one prompt into a silence"
        time.sleep(EARS_OPEN)
        assert sounds_at(desk, *mine)
        pull_out()
        time.sleep(SETTLES)
        with desk.another(name):
            record_property(f"named {name}: back after", f"{back_after(desk, *mine):.1f} s")
            yield talk


def test_a_named_microphone_that_is_plugged_in_again_is_gone_back_to(
    desk: Room, spoken: Spoken, record_property: Record
) -> None:
    mine = ("source", "source-output", "headset.monitor")
    named = 'microphone = "headset.monitor"'
    with (
        gone_back_to(desk, named, "headset", mine, record_property) as talk,
        desk.tape("headset"),
    ):
        is_heard(desk, talk, spoken, at="headset")


def test_a_named_speaker_that_is_plugged_in_again_is_gone_back_to(
    desk: Room, spoken: Spoken, record_property: Record
) -> None:
    mine = ("sink", "sink-input", "earphones")
    named = 'speaker = "earphones"'
    with (
        gone_back_to(desk, named, "earphones", mine, record_property) as talk,
        desk.tape("earphones") as ear,
        desk.tape("speaker") as speaker,
    ):
        is_heard(desk, talk, spoken)
        assert ear.sounds()
        assert not speaker.sounds()


def test_a_bluetooth_headset_that_changes_its_profile_is_heard_on(
    desk: Room, spoken: Spoken
) -> None:
    """To the sound server it is a source that vanishes, and another one that appears."""
    with desk.another("music_profile") as leave:
        desk.use(source="music_profile.monitor", sink="speaker")
        with talking(desk) as talk:
            leave()
            with desk.another("call_profile"):
                desk.use(source="call_profile.monitor", sink="speaker")
                with desk.tape("call_profile"):
                    is_heard(desk, talk, spoken, at="call_profile")


def test_a_machine_that_sleeps_and_wakes_keeps_the_conversation(
    room: Room, spoken: Spoken, record_property: Record
) -> None:
    with talking(room) as talk:
        assert asked(room, talk, spoken("Stay with me.", voice="rms")) == "stay_with_me"
        time.sleep(EARS_OPEN)
        talk.suspend(ASLEEP)
        woken = time.monotonic()
        time.sleep(SETTLES)
        turn = None
        while turn != "does_he_miss_me":
            assert time.monotonic() < woken + 60, turn
            turn = asked(room, talk, spoken("Does he miss me?", voice="rms"))
        record_property("woken: answered by", f"{time.monotonic() - woken:.1f} s")


def doctor(room: Room, **environment: str) -> str:
    """What the doctor says of the echo."""
    done = subprocess.run(
        [sys.executable, "-m", "lowtide.voice", "doctor"],
        env=room.environment | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr
    (line,) = (each for each in done.stdout.splitlines() if "echo" in each.split()[:2])
    return line


def test_the_doctor_finds_a_microphone_without_echo_and_what_it_offers_works(
    desk: Room, spoken: Spoken
) -> None:
    assert "lowtide desktop echo-cancel" in doctor(desk)
    settings = Path(os.environ["LOWTIDE_SETTINGS"])
    masters = ("source_master=room.monitor", "sink_master=speaker", "sink_name=calm_out")
    try:
        with desk.another("calm", "echo-cancel", *masters, "aec_method=speex"):
            offered = re.findall(r'(\w+ = "[^"]+")', doctor(desk))
            assert offered == ['microphone = "calm"', 'barge_in = "full"', 'speaker = "calm_out"']
            settings.write_text("\n".join(offered))
            assert "calm takes our voice off; everything said over it counts" in doctor(desk)
            with talking(desk) as talk:
                line = spoken("Does he miss me?", voice="rms")
                assert asked(desk, talk, line) == "does_he_miss_me"
    finally:
        settings.unlink(missing_ok=True)


def test_without_a_sound_server_the_doctor_says_so_in_a_line(room: Room, tmp_path: Path) -> None:
    line = doctor(room, PULSE_SERVER=f"unix:{tmp_path}/none")
    assert "lowtide desktop echo-cancel" in line
