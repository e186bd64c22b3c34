"""When an utterance begins and ends, drawn as one character a frame of 32 ms."""

import pytest

from lowtide.intents.pack import load
from lowtide.intents.understanding import Understander
from lowtide.models.meaning import load as load_meaning
from lowtide.voice.frames import FRAME_SECONDS
from lowtide.voice.turns import PATIENCE, SpeechEnded, SpeechStarted, TurnTaker

SPEECH = {"S": 0.95, "s": 0.3, ".": 0.02}
"""S speech, s a soft end of a word, . silence."""


def turns(drawn: str, patience: float) -> list[tuple[str, int]]:
    taker = TurnTaker()
    found = []
    for index, mark in enumerate(drawn):
        turn = taker.hear(index, SPEECH[mark], patience)
        if isinstance(turn, SpeechStarted):
            found.append(("started", turn.frame))
        elif isinstance(turn, SpeechEnded):
            found.append(("ended", turn.frame))
    return found


def test_an_utterance_is_found_where_it_is() -> None:
    drawn = "....." + "S" * 20 + "." * 40
    assert turns(drawn, 0.5) == [("started", 5), ("ended", 25)]


def test_a_click_is_not_speech() -> None:
    assert turns("....SS....S....SS.....", 0.5) == []


def test_a_soft_last_syllable_belongs_to_the_utterance() -> None:
    assert turns("..." + "S" * 10 + "ssss" + "." * 40, 0.5) == [("started", 3), ("ended", 17)]


def test_a_pause_shorter_than_the_patience_does_not_end_it() -> None:
    pause = int(0.7 / FRAME_SECONDS)
    drawn = "S" * 20 + "." * pause + "S" * 20 + "." * 60
    assert turns(drawn, 0.8) == [("started", 0), ("ended", 40 + pause)]
    assert len(turns(drawn, 0.5)) == 4


def test_speech_without_end_is_cut_and_goes_on() -> None:
    found = turns("S" * 4000, 0.8)
    assert [what for what, _ in found][:3] == ["started", "ended", "started"]


@pytest.fixture(scope="module")
def understander() -> Understander:
    return Understander(load(), meaning=load_meaning())


@pytest.mark.parametrize(
    ("heard", "is_"),
    [
        ("i want to call him", "whole"),
        ("the whole flat is so quiet without anyone in it", "clear"),
        ("i want to", "open"),
        ("i miss him because", "open"),
        ("and then he", "open"),
        ("we drove up to the lake", "unknown"),
        ("i want to die", "unknown"),
        ("", "unknown"),
    ],
)
def test_a_sentence_is_whole_or_clear_or_open(
    understander: Understander, heard: str, is_: str
) -> None:
    assert understander.completeness(heard) == is_


def test_every_preset_waits_longest_where_a_sentence_is_open() -> None:
    for waits in PATIENCE.values():
        assert waits["whole"] < waits["clear"] < waits["unknown"] < waits["open"]
