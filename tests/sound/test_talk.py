"""A person speaks in a room and is answered: real processes, real devices, real time."""

import os
import time
from pathlib import Path

import pytest
from room import Room, Sound, Talk, Tape

pytestmark = pytest.mark.sound


def test_x(room: Room, spoken, tmp_path) -> None:
    with room.tape("room") as people, room.tape("speaker") as voice, room.talk() as talk:
        print(talk.ready_after, time.monotonic() - talk.ready_after)
        t=time.monotonic()
        print(talk.turn(15))
        print("greeting told after", time.monotonic()-t)
        time.sleep(1)
        room.say(spoken("i want to call him", "rms"))
        turn=talk.answered(30)
        print(turn)
        time.sleep(.3)
        print(talk.stop())
    print(people.sounds(), voice.sounds(), people._zero, voice._zero)
    people.write(Path("/tmp/fl/people.wav")); voice.write(Path("/tmp/fl/voice.wav"))
    heard=people.sounds()[0]; answer=voice.sounds()[1]
    print("delay", answer.start-heard.end, "json", turn["reply_start"]-turn["end"])
    print("speech", heard.end-heard.start, "json", turn["end"]-turn["start"])
    print("answer", answer.end-answer.start, "json", turn["reply_end"]-turn["reply_start"])
    assert 0
