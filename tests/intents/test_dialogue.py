"""A night's conversation, typed: what is answered, and what never is."""

import itertools
import json
from typing import Any

import pytest

from lowtide.intents.acts import Say
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Alarm, Understanding
from lowtide.intents.flows.safety import CLEAR
from lowtide.intents.pack import Pack, load
from lowtide.intents.understanding import Understander
from lowtide.voice.typed import converse


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load()


@pytest.fixture(scope="module")
def understander(pack: Pack) -> Understander:
    return Understander(pack)


class Night:
    """Says lines into a fresh conversation and keeps what is answered."""

    def __init__(self, pack: Pack, understander: Understander, country: str | None = None) -> None:
        self._understander = understander
        self._dialogue = Dialogue(pack, seed=1, country=country)
        self.pack = pack

    def __call__(self, *lines: str) -> list[dict[str, Any]]:
        return list(converse(lines, self._understander, self._dialogue))

    def says(self, line: str) -> str:
        return " ".join(act.get("say", "") for entry in self(line) for act in entry["acts"])


@pytest.fixture
def night(pack: Pack, understander: Understander) -> Night:
    return Night(pack, understander)


@pytest.fixture
def night_in_ireland(pack: Pack, understander: Understander) -> Night:
    return Night(pack, understander, "IE")


def reframes(pack: Pack) -> set[str]:
    groups = ("question", "urge", "happening", "feeling")
    return {
        reply.action
        for intent in pack.intents.values()
        if intent.group in groups
        for reply in intent.replies
    }


def test_an_urge_is_answered_in_at_most_thirty_words(night: Night) -> None:
    [entry] = night("i want to call him")
    [act] = entry["acts"]
    assert entry["intent"] == "want_to_call_him"
    assert 10 <= len(act["say"].split()) <= 30


def test_the_same_question_is_never_answered_twice_in_the_same_words(night: Night) -> None:
    said = [night.says("does he miss me") for _ in range(3)]
    assert len(set(said)) == 3


def test_the_fourth_time_there_is_no_more_reframe(night: Night, pack: Pack) -> None:
    for _ in range(3):
        night.says("does he miss me")
    assert night.says("does he miss me") in pack.lines["fourth_time"]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("i miss her so much", "her"),
        ("i miss them so much", "them"),
        ("i miss my ex so much", "your ex"),
        ("i miss daniel so much", "Daniel"),
        ("i miss my husband so much", "your husband"),
    ],
)
def test_the_ex_is_named_as_the_person_names_them(pack: Pack, understander: Understander,
                                                   line: str, word: str) -> None:  # fmt: skip
    said = set()
    for seed in range(12):
        [entry] = converse([line], understander, Dialogue(pack, seed=seed))
        said.add(entry["acts"][0]["say"])
    with_word = [text for text in said if f" {word} " in text or f" {word}." in text]
    others = {"him", "her", "them", "your ex"} - {word}
    assert with_word
    assert not any(f" {other} " in text or f" {other}." in text
                   for text in said for other in others)  # fmt: skip


def test_what_fits_nothing_gets_a_short_sign_of_listening(night: Night, pack: Pack) -> None:
    [entry] = night("the neighbours are repainting their fence")
    assert entry["intent"] == "none"
    assert len(entry["acts"][0]["say"].split()) <= 8
    assert not any(action in entry["acts"][0]["say"] for action in reframes(pack))


def test_repeat_says_the_same_words_a_little_slower(night: Night) -> None:
    [first] = night("does he miss me")
    [again] = night("say that again")
    assert again["acts"][0]["say"] == first["acts"][0]["say"]
    assert again["acts"][0]["words_per_minute"] < first["acts"][0]["words_per_minute"]


def test_softer_and_slower_hold_for_what_comes_after(night: Night) -> None:
    [before] = night("does he miss me")
    night("quieter", "slower")
    [after] = night("does he miss me")
    assert after["acts"][0]["gain"] < before["acts"][0]["gain"]
    assert after["acts"][0]["words_per_minute"] < before["acts"][0]["words_per_minute"]


def test_volume_and_pace_end_at_their_bounds_and_say_so(night: Night, pack: Pack) -> None:
    said = [night("louder")[0]["acts"][0] for _ in range(8)]
    assert max(act["gain"] for act in said) == 12.0
    assert said[-1]["say"] in pack.lines["as_loud_as_i_go"]
    paces = [night("faster")[0]["acts"][0]["words_per_minute"] for _ in range(6)]
    assert max(paces) <= 190


def test_stop_is_silence_and_nothing_follows_it(night: Night) -> None:
    assert night("i want to call him", "stop", "@wait 300")[1:] == [
        {"at": pytest.approx(12, abs=8), "heard": "stop", "intent": "stop", "tier": None,
         "acts": [{"stop": True}]}
    ]  # fmt: skip


def test_silence_gets_one_gentle_prompt_and_then_quiet(night: Night, pack: Pack) -> None:
    entries = night("does he miss me", "@wait 120")
    assert [entry["heard"] for entry in entries] == ["does he miss me", None]
    assert entries[1]["acts"][0]["say"] in pack.lines["still_here"]
    assert entries[1]["at"] - entries[0]["at"] > 10


def test_an_urge_is_offered_company_into_the_silence(night: Night, pack: Pack) -> None:
    entries = night("i want to call him", "@wait 20", "yes")
    said = [entry["acts"][0]["say"] for entry in entries]
    assert said[1] in pack.lines["stay_offer"]
    assert said[2] in pack.lines["stay_how_strong"]


def test_a_wave_that_eased_is_said_and_not_judged(night: Night, pack: Pack) -> None:
    night("stay with me", "about an eight")
    waited = night("@wait 1215")
    checks = [entry["acts"][0] for entry in waited[:-1]]
    assert [act["say"] in pack.lines["stay_check_in"] for act in checks] == [True] * 4
    assert all(a["gain"] > b["gain"] for a, b in itertools.pairwise(checks))
    assert waited[-1]["acts"][0]["say"] in pack.lines["stay_how_strong_now"]
    assert night.says("four") in pack.lines["stay_eased"]


def test_check_ins_can_be_refused(night: Night, pack: Pack) -> None:
    night("stay with me", "six", "@wait 125")
    assert night.says("no") in pack.lines["stay_no_more_check_ins"]
    assert night("@wait 900") == []


def test_stop_in_the_middle_of_breathing_is_silence(night: Night) -> None:
    cues = night("breathe with me", "@wait 30")
    assert {"In.", "Out."} <= {act["say"] for entry in cues for act in entry["acts"]}
    [stopped] = night("stop")
    assert stopped["acts"] == [{"stop": True}]
    assert night("@wait 120") == []


def test_breathing_is_six_breaths_a_minute_and_the_words_grow_sparse(night: Night) -> None:
    entries = night("breathe with me", "@wait 120")
    cues = [(entry["at"], act["say"]) for entry in entries for act in entry["acts"]]
    ins = [at for at, say in cues if say == "In."]
    gaps = [b - a for a, b in itertools.pairwise(ins)]
    assert gaps[3] == pytest.approx(10, abs=1)
    assert len(ins) == 7, "two easy breaths and six paced ones, the last without a word"


@pytest.mark.parametrize(
    ("lines", "minutes"),
    [
        (["breathe with me"], 1),
        (["breathe with me", "stop", "breathe with me"], 3),
        (["eighteen breaths please"], 3),
        (["breathe with me for five minutes"], 5),
        (["breathe with me", "longer"], 3),
        (["breathe with me", "longer", "a bit longer"], 5),
    ],
)
def test_how_long_to_breathe_is_the_persons_to_say(
    night: Night, pack: Pack, lines: list[str], minutes: int
) -> None:
    begun = night(*lines)[-1]["at"]
    [ended] = [
        entry["at"]
        for entry in night("@wait 400")
        if entry["acts"][0].get("say") in pack.lines["breathe_end"]
    ]
    assert ended - begun == pytest.approx(60 * minutes + 22, rel=0.12), (
        "and two easy breaths and the words before them"
    )


def test_dizzy_ends_the_breathing_kindly(night: Night, pack: Pack) -> None:
    night("breathe with me", "@wait 20")
    assert night.says("i feel dizzy") in pack.lines["breathe_dizzy"]
    assert night("@wait 60") == []


def test_venting_is_not_interrupted_and_ends_with_one_sentence_back(
    night: Night, pack: Pack
) -> None:
    night("i need to vent")
    for line in ("i miss him so much", "and then his sister rang", "i miss him so much it hurts"):
        assert night.says(line) == ""
    said = night("i'm done", "@wait 20")
    themes = [line.format(theme=pack.intents["i_miss_him"].theme)
              for line in pack.lines["vent_reflect"]]  # fmt: skip
    assert said[0]["acts"][0]["say"] in themes
    assert said[1]["acts"][0]["say"] in pack.lines["vent_long_breath"]


def test_the_unsent_letter_is_heard_and_let_go(night: Night, pack: Pack) -> None:
    night("i want to say it to you instead of to him")
    assert night.says("you broke my heart and you never even said sorry") == ""
    assert night.says("i'm done") in pack.lines["letter_keep"]
    assert night.says("let it go") in pack.lines["letter_let_go"]


def test_danger_is_heard_in_the_middle_of_venting(night: Night) -> None:
    night("i need to vent", "he never once called me back")
    [entry] = night("i want to kill myself")
    assert entry["tier"] == "A"
    assert "emergency number" in entry["acts"][0]["say"]


def test_after_good_night_only_the_wake_phrase_is_answered(night: Night, pack: Pack) -> None:
    asleep = night("good night", "does he miss me", "what time is it", "@wait 600", "low tide")
    assert [bool(entry["acts"]) for entry in asleep] == [True, False, False, True]
    assert asleep[-1]["acts"][0]["say"] in pack.lines["awake_again"]
    assert night.says("does he miss me")


def test_the_same_night_twice_is_word_for_word_the_same(
    pack: Pack, understander: Understander
) -> None:
    lines = ["i want to call him", "hm", "does he miss me", "@wait 30", "louder", "good night"]
    nights = [Night(pack, understander)(*lines) for _ in range(2)]
    assert json.dumps(nights[0]) == json.dumps(nights[1])


# Danger


def test_someone_who_wants_to_die_hears_the_number_twice(night_in_ireland: Night) -> None:
    [entry] = night_in_ireland("i want to kill myself")
    said = entry["acts"][0]["say"].lower()
    assert entry["tier"] == "A"
    assert said.count("one one six, one two three") == 2
    assert "?" in said


def test_without_a_country_no_number_is_made_up(night: Night) -> None:
    said = night.says("i want to kill myself").lower()
    assert said.count("your local emergency number") == 2
    assert not any(digit in said.split() for digit in ("nine", "eight", "one", "zero"))


def test_an_unclear_wish_is_asked_about_and_anything_but_no_counts_as_yes(night: Night) -> None:
    [asked] = night("i hope i don't wake up tomorrow")
    assert asked["tier"] == "B"
    assert "killing yourself?" in asked["acts"][0]["say"]
    assert "emergency number" in night.says("i don't know")


def test_one_denial_does_not_close_it(night: Night) -> None:
    night("i hope i don't wake up tomorrow")
    assert "changes" in night.says("no")
    later = night("@wait 1200")
    assert any("ask once more" in act["say"].lower() or "killing yourself" in act["say"]
               for entry in later for act in entry["acts"])  # fmt: skip


def test_no_reframe_for_the_rest_of_the_night(night: Night, pack: Pack) -> None:
    night("i want to kill myself", "no", "no", "no", "no")
    said = " ".join(night.says(line) for line in ("does he miss me", "i want to call him"))
    assert not any(action in said for action in reframes(pack))


def test_silence_after_a_crisis_answer_is_not_left_alone(night: Night) -> None:
    entries = night("i want to kill myself", "@wait 900")
    after = [entry["at"] - entries[0]["at"] for entry in entries[1:]]
    assert len(after) >= 5
    assert "emergency number" in entries[1]["acts"][0]["say"].lower()


def test_stop_is_obeyed_in_danger_too(night: Night) -> None:
    night("i want to kill myself")
    assert night("stop", "@wait 60")[0]["acts"] == [{"stop": True}]


def test_someone_who_may_be_overheard_is_asked_softly_first(night: Night) -> None:
    [entry] = night("he hit me again tonight")
    assert entry["tier"] == "A"
    assert entry["intent"] == "unsafe_with_him"
    assert entry["acts"][0]["say"] == "Are you safe to talk right now? Yes, or no?"
    assert entry["acts"][0]["gain"] <= -6
    again = night.says("say that again")
    assert "safe to talk" not in again


def test_good_night_does_not_clear_danger(night: Night, pack: Pack) -> None:
    night("i want to kill myself", "good night", "low tide")
    said = night.says("does he miss me")
    assert not any(action in said for action in reframes(pack))


@pytest.mark.parametrize("kind", list(CLEAR))
def test_danger_said_again_and_again_is_answered_every_time(pack: Pack, kind: str) -> None:
    for script in pack.scripts:
        dialogue, now = Dialogue(pack), 0.0
        for _ in range(5):
            alarm = Alarm(kind, "B", script)
            acts = dialogue.hear(Understanding("", kind, 1.0, "none", alarm, beneath="none"), now)
            assert any(isinstance(act, Say) for act in acts), f"silence after {script}"
            now += 5.0
            dialogue.said(now)
