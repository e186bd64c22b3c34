"""Somebody speaks while we do: with headphones everything counts, and who goes on is let."""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from room import Evening, Room, Sound, Tape

pytestmark = pytest.mark.sound

Spoken = Callable[..., Path]
Record = Callable[[str, object], None]

IN_THE_MIDDLE = 2.5
"""Seconds of an answer after which somebody speaks: longer than going on counts as one."""
LATEST_YIELD = 0.3
"""Seconds from somebody's first sound in the room to our silence there, both ways through the
sound server's buffers, on a busy machine; the figure is printed."""


@pytest.fixture
def headphones() -> Iterator[None]:
    """The person wears headphones and has said so."""
    settings = Path(os.environ["LOWTIDE_SETTINGS"])
    settings.write_text('barge_in = "full"\n')
    yield
    settings.unlink()


def answering(evening: Evening, line: float, seconds: float) -> None:
    """Wait until what we say after a line, which began then, has sounded for so many seconds."""
    deadline = time.monotonic() + 20
    while not (found := [sound for sound in evening.voice.sounds() if sound.start > line]):
        assert time.monotonic() < deadline, "no answer was heard"
        time.sleep(0.02)
    time.sleep(max(0.0, found[0].start + seconds - time.monotonic()))


def short_sounds(tape: Tape) -> list[Sound]:
    """What was audible, a pause of a tenth of a second being one."""
    return tape.sounds(longest_pause=0.1)


@pytest.mark.usefixtures("headphones")
def test_a_new_sentence_in_the_middle_of_an_answer_is_answered_instead(
    evening: Evening, room: Room, spoken: Spoken, record_property: Record
) -> None:
    evening.talk.greeting()
    asked = time.monotonic()
    room.say(spoken("I want to call him.", voice="rms"))
    answering(evening, asked, IN_THE_MIDDLE)
    interrupted = time.monotonic()
    room.say(spoken("Has he moved on?", voice="rms"))
    cut, answer = (evening.talk.answered(within=60) for _ in range(2))
    assert evening.talk.stop()[0] == 0
    understood = [cut["intent"], answer["intent"]]
    assert understood == ["want_to_call_him", "has_he_moved_on"], answer["alternatives"]
    line = evening.people.sounds()[-1]
    silent = max(s.end for s in evening.voice.sounds() if s.start < interrupted)
    record_property("headphones: silent after they began to speak", f"{silent - line.start:.3f} s")
    assert silent < line.end, "we spoke on over them"
    assert [sound for sound in evening.voice.sounds() if sound.start > line.end]
    assert answer["reply_end"] - answer["reply_start"] > IN_THE_MIDDLE, "said to its end"


@pytest.mark.usefixtures("headphones")
def test_who_goes_on_just_after_our_answer_began_is_given_way_and_heard_as_one(
    evening: Evening, room: Room, spoken: Spoken, record_property: Record
) -> None:
    rest = spoken("Because I am so lonely.", voice="rms")
    evening.talk.greeting()
    asked = time.monotonic()
    room.say(spoken("I want to call him.", voice="rms"))
    answering(evening, asked, 0.1)
    going_on = time.monotonic()
    room.say(rest)
    turn = evening.talk.answered(within=60)
    assert evening.talk.stop()[0] == 0
    speech = next(s.start for s in short_sounds(evening.people) if s.start > going_on)
    answer = next(s.start for s in evening.voice.sounds() if s.start > asked)
    assert "call" in turn["text"], "the first part"
    assert "lonely" in turn["text"], f"the second, {speech - answer:.2f} s after our answer began"
    assert evening.talk.rest() == [], "one answer to both"
    silent = max(s.end for s in short_sounds(evening.voice) if s.start < speech)
    record_property("who goes on: silent after their first sound", f"{silent - speech:.3f} s")
    assert 0 < silent - speech < LATEST_YIELD
