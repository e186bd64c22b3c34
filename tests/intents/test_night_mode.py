"""Night mode: slower and softer, as soft as whoever speaks, and never against what was asked."""

from typing import Any

import pytest

from lowtide.intents.acts import Say
from lowtide.intents.delivery import LOUDEST, QUIETEST
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Understanding
from lowtide.intents.pack import Pack, load
from lowtide.intents.person import Person
from lowtide.intents.understanding import Understander
from lowtide.voice.typed import converse


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load()


@pytest.fixture(scope="module")
def understander(pack: Pack) -> Understander:
    return Understander(pack)


def spoken(dialogue: Dialogue, intent: str, at: float, loudness: float | None = None) -> Say:
    """What is said to an utterance of that meaning, that moment and that loudness."""
    acts = dialogue.hear(Understanding(intent, intent, 1.0, loudness=loudness), at)
    [say] = [act for act in acts if isinstance(act, Say)]
    return say


def night(pack: Pack, hour: float | None = None, **chosen: Any) -> Dialogue:
    dialogue = Dialogue(pack, person=Person(**({"night": "on"} | chosen)), hour=hour)
    dialogue.tick(0.0)
    return dialogue


def test_over_five_minutes_it_grows_slower_and_softer_and_then_holds(pack: Pack) -> None:
    dialogue = night(pack)
    [greeting] = dialogue.greet()
    said = [greeting] + [spoken(dialogue, "none", at) for at in (60, 150, 299, 300, 900, 3600)]
    paces = [say.words_per_minute for say in said]  # type: ignore[union-attr]
    gains = [say.gain for say in said]  # type: ignore[union-attr]
    assert paces[0] == 135
    assert paces[-3:] == [122, 122, 122], "a tenth slower"
    assert paces == sorted(paces, reverse=True)
    assert gains[0] == -3
    assert gains[-3:] == [-6, -6, -6]
    assert gains == sorted(gains, reverse=True)
    assert len(set(paces)) <= 4, "each pace is a rendering of its own"


def test_by_day_nothing_changes(pack: Pack) -> None:
    dialogue = Dialogue(pack, person=Person(night="clock"), hour=15.0)
    said = [spoken(dialogue, "none", at, -60) for at in (1, 300, 3600)]
    assert [(say.words_per_minute, say.gain) for say in said] == [(135, 0)] * 3


@pytest.mark.parametrize(
    ("hour", "soft"), [(21.9, False), (22.0, True), (2.0, True), (6.9, True), (7.0, False)]
)
def test_by_the_clock_it_is_night_from_ten_to_seven(pack: Pack, hour: float, *, soft: bool) -> None:
    dialogue = night(pack, hour, night="clock")
    assert (spoken(dialogue, "none", 1.0).gain < 0) is soft


def test_a_session_that_goes_on_past_ten_becomes_a_night(pack: Pack) -> None:
    dialogue = night(pack, 21.75, night="clock")
    gains = [spoken(dialogue, "none", minutes * 60).gain for minutes in (1, 14, 16, 30)]
    assert gains[:2] == [0, 0]
    assert gains[2] == pytest.approx(-3.0, abs=0.7)
    assert gains[3] == -6


def test_seven_in_the_morning_is_not_suddenly_loud(pack: Pack) -> None:
    dialogue = night(pack, 6.9, night="clock")
    before, after = (spoken(dialogue, "none", minutes * 60).gain for minutes in (5.5, 7))
    assert after == before


def test_someone_who_whispers_is_answered_more_softly_but_can_hear_it(pack: Pack) -> None:
    usual, whispering = night(pack), night(pack)
    for at in range(310, 400, 10):
        loud = spoken(usual, "none", at, -22).gain
        soft = spoken(whispering, "none", at, -50).gain
    assert loud == -6
    assert loud - soft == pytest.approx(6, abs=0.1)
    assert soft >= QUIETEST


def test_one_murmured_word_does_not_make_it_vanish(pack: Pack) -> None:
    dialogue = night(pack)
    before = spoken(dialogue, "none", 310, -22).gain
    after = spoken(dialogue, "none", 320, -60).gain
    assert before - after == pytest.approx(3)
    for at in (330, 340, 350, 360, 370):
        again = spoken(dialogue, "none", at, -22).gain
    assert again == pytest.approx(before, abs=0.2), "and it comes back with the voice"


def test_louder_is_louder_and_stays_so(pack: Pack) -> None:
    dialogue = night(pack)
    before = spoken(dialogue, "none", 60, -50).gain
    asked = spoken(dialogue, "louder", 70, -50).gain
    assert asked > before
    later = [spoken(dialogue, "none", at, -60).gain for at in (80, 200, 600, 3000)]
    assert later == [asked] * 4


def test_faster_is_faster_and_stays_so(pack: Pack) -> None:
    dialogue = night(pack)
    before = spoken(dialogue, "none", 250).words_per_minute
    asked = spoken(dialogue, "faster", 260).words_per_minute
    assert asked > before
    assert spoken(dialogue, "none", 900).words_per_minute == asked


def test_quieter_still_works_in_the_night_and_the_bounds_hold(pack: Pack) -> None:
    dialogue = night(pack)
    gains = [spoken(dialogue, "quieter", 300 + at, -60).gain for at in range(10)]
    assert gains == sorted(gains, reverse=True)
    assert min(gains) == QUIETEST
    gains = [spoken(dialogue, "louder", 400 + at, -60).gain for at in range(15)]
    assert gains == sorted(gains)
    assert max(gains) == LOUDEST


def test_the_words_for_danger_keep_the_pace_they_were_rendered_at(
    pack: Pack, understander: Understander
) -> None:
    dialogue = night(pack)
    ahead = {(part.text, say.words_per_minute) for say in dialogue.urgent() for part in say.parts}
    said = list(converse(["@wait 600", "i want to kill myself"], understander, dialogue))
    [act] = said[-1]["acts"]
    first = act["say"].split(".")[0] + "."
    assert (first, act["words_per_minute"]) in ahead


def test_night_mode_is_switched_by_voice(pack: Pack, understander: Understander) -> None:
    dialogue = Dialogue(pack, person=Person(night="off"), hour=2.0)

    def gain(*lines: str) -> float:
        return float(list(converse(lines, understander, dialogue))[-1]["acts"][-1]["gain"])

    assert gain("hello there") == 0
    gain("night mode")
    assert gain("hello there") <= -3
    gain("night mode off")
    assert gain("hello there") == 0
