"""Devices go away in the middle of a night and come back; the conversation is still there."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from room import EARS_OPEN, LONGEST_PAUSE, Evening, Room

pytestmark = pytest.mark.sound

Spoken = Callable[..., Path]
Record = Callable[[str, object], None]

LONGEST_TONE = 0.7
"""Seconds; our shortest prompt takes longer."""
BACK_WITHIN = 20.0
"""Seconds after a device is back until the tone says so, on a busy machine; it is printed."""


def tone_after(evening: Evening, moment: float) -> float:
    """When a tone, which is shorter than anything we say, is first heard after a moment."""
    while time.monotonic() < moment + BACK_WITHIN:
        for sound in evening.voice.sounds():
            over = time.monotonic() > sound.end + LONGEST_PAUSE
            if sound.start > moment and over and sound.end - sound.start < LONGEST_TONE:
                return sound.start
        time.sleep(0.1)
    raise AssertionError(f"no tone was heard after {moment:.2f}, but {evening.voice.sounds()}")


def test_a_microphone_that_is_pulled_out_and_plugged_in_again(
    evening: Evening, room: Room, spoken: Spoken, record_property: Record
) -> None:
    evening.talk.greeting()
    pulled = time.monotonic()
    with room.without_microphone():
        lost = tone_after(evening, pulled)
        time.sleep(1)
    plugged = time.monotonic()
    back = tone_after(evening, plugged)
    record_property("microphone pulled out: tone after", f"{lost - pulled:.2f} s")
    record_property("microphone plugged in: tone after", f"{back - plugged:.2f} s")
    time.sleep(EARS_OPEN)
    room.say(spoken("Does he miss me?", voice="rms"))
    assert evening.talk.answered(within=60)["intent"] == "does_he_miss_me"
    status, errors = evening.talk.stop()
    assert (status, "Traceback" in errors) == (0, False)


def test_a_sound_worker_that_hangs_is_replaced(
    evening: Evening, room: Room, spoken: Spoken, record_property: Record
) -> None:
    evening.talk.greeting()
    hung = time.monotonic()
    os.kill(evening.talk.sound_worker(), signal.SIGSTOP)
    back = tone_after(evening, hung)
    record_property("sound worker hangs: hearing again after", f"{back - hung:.2f} s")
    time.sleep(EARS_OPEN)
    room.say(spoken("Does he miss me?", voice="rms"))
    assert evening.talk.answered(within=60)["intent"] == "does_he_miss_me"
    assert evening.talk.stop()[0] == 0


def test_a_sound_server_that_is_restarted_in_the_middle_of_an_answer(
    evening: Evening, room: Room, spoken: Spoken, record_property: Record
) -> None:
    talk = evening.talk
    talk.greeting()
    room.say(spoken("Does he miss me?", voice="rms"))
    time.sleep(2.5)  # The answer has begun.
    room.restart()
    restarted = time.monotonic()
    # What was cut is said again, so that the turn ends as every turn.
    turn = talk.answered(within=60)
    assert turn["intent"] == "does_he_miss_me"
    assert turn["reply_end"] > turn["reply_start"]
    record_property(
        "sound server restarted: the cut answer is said by", f"{time.monotonic() - restarted:.2f} s"
    )
    with room.tape("room"), room.tape("speaker") as voice:
        time.sleep(2.5)  # A null sink settles on the tapes' smaller blocks.
        room.say(spoken("Is he thinking about me?", voice="rms"))
        assert talk.answered(within=60)["intent"] == "is_he_thinking_about_me"
        assert voice.sounds()
    assert talk.stop()[0] == 0
