"""A person speaks in a room and is answered: a real process, real devices, real time."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from room import EARS_OPEN, Evening, Room

pytestmark = pytest.mark.sound

Spoken = Callable[..., Path]
Record = Callable[[str, object], None]

LATEST = 4.0
"""Seconds from the end of speech to the answer, on a busy machine; the figure is printed."""

MISHEARD = 3
"""Times a line is said through an echo: the recogniser misses one in some ten, and a person says it
again."""

NEAR = 0.4
"""Seconds between the tape and the session's account: a busy machine's gaps, yet less than the
shortest sentence with its pause, which would be missed if it were lost."""


def length(turn: dict[str, Any], what: str = "reply_") -> float:
    return float(turn[f"{what}end"] - turn[f"{what}start"])


def test_one_line_is_answered_aloud(
    evening: Evening, room: Room, spoken: Spoken, record_property: Record
) -> None:
    evening.talk.greeting()
    room.say(spoken("I want to call him.", voice="rms"))
    turn = evening.talk.answered(within=60)
    time.sleep(0.5)  # so that a sound after the end would be on tape
    assert evening.talk.stop() == (
        0,
        "Hearing with Whisper (embedded) on default. Ctrl-C ends.\n",
    )

    assert turn["intent"] == "want_to_call_him"
    (line,) = evening.people.sounds()
    _, answer = evening.voice.sounds()
    delay = answer.start - line.end
    record_property("start to listening", f"{evening.talk.ready_after:.2f} s")
    record_property("end of speech to first sound of the answer", f"{delay:.3f} s (on tape)")
    record_property(
        "the same as the session counts it", f"{turn['reply_start'] - turn['end']:.3f} s"
    )

    assert 0 < delay < LATEST
    assert answer.end - answer.start == pytest.approx(length(turn), abs=NEAR)
    # The session's clock and the tape agree on when we spoke, counted from when the person did.
    assert answer.start - line.start == pytest.approx(turn["reply_start"] - turn["start"], abs=NEAR)
    assert answer.end - line.start == pytest.approx(turn["reply_end"] - turn["start"], abs=NEAR)


def test_two_lines_one_after_the_other_are_both_answered(
    evening: Evening, room: Room, spoken: Spoken
) -> None:
    evening.talk.greeting()
    turns = []
    for line in ("Does he miss me?", "Is he thinking about me?"):
        room.say(spoken(line, voice="rms"))
        turns.append(evening.talk.answered(within=60))
        time.sleep(EARS_OPEN)
    evening.talk.stop()

    assert [turn["intent"] for turn in turns] == ["does_he_miss_me", "is_he_thinking_about_me"]
    lines, (_, *answers) = evening.people.sounds(), evening.voice.sounds()
    assert len(lines) == len(answers) == 2
    assert lines[0].end < answers[0].start < answers[0].end < lines[1].start < answers[1].start
    for answer, turn in zip(answers, turns, strict=True):
        assert answer.end - answer.start == pytest.approx(length(turn), abs=NEAR)


def test_our_own_voice_in_the_microphone_is_not_answered(
    evening: Evening, room: Room, spoken: Spoken
) -> None:
    with room.speaker_in_the_room():
        evening.talk.greeting()
        for _ in range(MISHEARD):
            room.say(spoken("I want to call him.", voice="rms"))
            turn = evening.talk.answered(within=60)
            if turn["intent"] == "want_to_call_him":
                break
            time.sleep(EARS_OPEN)
        time.sleep(3)  # time enough to answer ourselves
        evening.talk.stop()

    assert turn["intent"] == "want_to_call_him", turn["alternatives"]
    assert [turn for turn in evening.talk.rest() if turn["text"]] == []
    # The microphone did hear us: the answer is on the tape of the room, after the person's line.
    ours = evening.voice.sounds()[-1]
    assert any(abs(sound.end - ours.end) < 0.2 for sound in evening.people.sounds())


def test_ctrl_c_ends_the_session_and_the_sentence(
    evening: Evening, room: Room, spoken: Spoken, record_property: Record
) -> None:
    evening.talk.greeting()
    room.say(spoken("I miss him so much.", voice="rms"))
    answering = time.monotonic() + LATEST
    while len(evening.voice.sounds()) < 2:
        assert time.monotonic() < answering
        time.sleep(0.1)
    pressed = time.monotonic()
    status, errors = evening.talk.stop()
    ended = time.monotonic() - pressed

    assert status == 0
    assert "Traceback" not in errors
    time.sleep(0.5)
    silent = evening.voice.sounds()[-1].end - pressed
    record_property(
        "Ctrl-C to silence", f"{max(0, silent):.2f} s; to the program's end: {ended:.2f} s"
    )
    assert silent < 0.5
