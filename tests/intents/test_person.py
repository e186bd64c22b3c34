"""What a person chose for themselves: how it is set by voice, and how it is heard afterwards."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis
from lowtide.intents.pack import Pack, expand, load
from lowtide.intents.person import Person
from lowtide.intents.settings import MOST_PLAN_WORDS, SettingPhrases
from lowtide.intents.understanding import Understander
from lowtide.voice.typed import converse

PLAN = "I will put the kettle on"
Talk = Callable[..., "Evening"]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load()


@pytest.fixture(scope="module")
def understander(pack: Pack) -> Understander:
    return Understander(pack)


class Evening:
    """A conversation with one person."""

    def __init__(self, dialogue: Dialogue, understander: Understander) -> None:
        self.dialogue = dialogue
        self._understander = understander

    def __call__(self, *lines: str) -> list[dict[str, Any]]:
        return list(converse(lines, self._understander, self.dialogue))

    def says(self, line: str) -> str:
        acts = [act for entry in self(line) for act in entry["acts"]]
        return " ".join(act["say"] for act in acts if "say" in act)

    def sets(self, line: str) -> dict[str, Any]:
        acts = [act for entry in self(line) for act in entry["acts"]]
        return {act["set"]: act["value"] for act in acts if "set" in act}


@pytest.fixture
def talk(pack: Pack, understander: Understander) -> Talk:
    def begin(seed: int = 1, **chosen: Any) -> Evening:
        return Evening(Dialogue(pack, seed=seed, person=Person(**chosen)), understander)

    return begin


# Names


def test_someone_whose_ex_is_called_will_is_understood(talk: Talk) -> None:
    evening = talk(ex_name="Will")
    heard = {
        "i miss will so much": "i_miss_him",
        "does will miss me": "does_he_miss_me",
        "i want to call will": "want_to_call_him",
        "will he come back": "will_he_come_back",
        "will this ever end": "will_this_ever_end",
    }
    assert {line: evening(line)[0]["intent"] for line in heard} == heard


def test_without_that_name_the_same_word_is_only_a_word(understander: Understander) -> None:
    assert understander.understand([Hypothesis("i miss will so much")]).ex_word is None


def test_will_who_is_violent_is_an_alarm_too(understander: Understander) -> None:
    found = understander.understand([Hypothesis("will hit me again tonight")], "Will")
    assert found.intent == "unsafe_with_him"


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("i miss tom so much", "Tom"),
        ("i miss him so much", "him"),
        ("i miss my ex so much", "your ex"),
        ("i can't stop thinking", "Tom"),
    ],
)
def test_the_name_of_the_ex_is_said_only_where_no_other_word_was(
    talk: Talk, line: str, word: str
) -> None:
    said = [talk(seed, ex_name="Tom", ex_word="him").says(line) for seed in range(15)]
    others = {"Tom", "him", "your ex"} - {word}
    spoken = [set(text.replace(".", "").replace(",", "").split()) for text in said]
    assert any(set(word.split()) <= words for words in spoken)
    assert not any(set(other.split()) <= words for words in spoken for other in others)


def test_no_name_is_ever_said_that_was_not_given(talk: Talk, pack: Pack) -> None:
    evening = talk(ex_word="her")
    said = [act["say"] for each in range(10) for entry in evening("i feel so lonely", "hm")
            for act in entry["acts"]]  # fmt: skip
    said.append(" ".join(act.text for act in evening.dialogue.greet()))  # type: ignore[union-attr]
    words = {word.strip(".,?").lower() for text in said for word in text.split()}
    assert not words & (pack.names - {"will", "may", "rest", "say"})


def test_the_greeting_has_the_name_they_gave(talk: Talk) -> None:
    [greeting] = talk(own_name="Anna").dialogue.greet()
    assert "Anna" in greeting.text  # type: ignore[union-attr]
    assert "computer voice" in greeting.text  # type: ignore[union-attr]


# The plan


def test_the_plan_is_said_back_from_the_second_urge_and_once_a_night(talk: Talk) -> None:
    evening = talk(plan=PLAN)
    lines = ("i want to call him", "i miss him so much", "i want to see him", "i want to text him")
    said = [evening.says(line) for line in lines]
    assert [PLAN in text for text in said] == [False, False, True, False]
    assert said[2].index(PLAN) < len(said[2]) / 2, "the plan comes before the usual reply"
    assert len(said[2].split()) <= 45


def test_the_longest_plan_before_the_longest_answer_is_still_a_short_answer(pack: Pack) -> None:
    phrases = SettingPhrases(pack)
    kept = phrases.plan("i will " + " ".join(["walk"] * MOST_PLAN_WORDS))
    assert phrases.plan("i will " + " ".join(["walk"] * (MOST_PLAN_WORDS + 1))) is None
    assert kept is not None
    urges = [intent for intent in pack.intents.values() if intent.group == "urge"]
    answer = max(len(each.text.split()) for intent in urges for each in intent.replies)
    lines = (line.format(plan=kept.said) for line in pack.lines["plan_said_back"])
    assert max(len(line.split()) for line in lines) + answer <= 45


def test_after_a_word_of_danger_the_plan_is_not_said(talk: Talk) -> None:
    evening = talk(plan=PLAN)
    evening("i want to call him", "i want to kill myself")
    assert PLAN not in evening.says("i want to call him")


# Settings by voice

SAID = {
    "call me anna": {"own_name": "Anna"},
    "you can call me Mary Jane": {"own_name": "Mary Jane"},
    "don't use my name": {"own_name": None},
    "my ex is called tom": {"ex_name": "Tom"},
    "please don't say her name": {"ex_name": None},
    "my ex is a woman": {"ex_word": "her"},
    "be more patient": {"patience": "patient"},
    "you cut me off": {"patience": "patient"},
    "give me more time": {"patience": "patient"},
    "be quicker": {"patience": "quick"},
    "wait until i say i'm done": {"patience": "until_done"},
    "i'll tell you when i'm done": {"patience": "until_done"},
    "night mode on": {"night": "on"},
    "turn night mode off": {"night": "off"},
    "be quieter at night": {"night": "clock"},
    "captions on": {"captions": True},
    "captions off": {"captions": False},
    "no journal": {"journal": False},
    "forget my plan": {"plan": None},
}


@pytest.mark.parametrize("line", SAID)
def test_a_setting_is_changed_by_saying_so_at_any_time(talk: Talk, line: str) -> None:
    for before in ("the weather was nice", "stay with me", "i want to call him"):
        evening = talk(ex_name="Ben", own_name="Sue", plan=PLAN)
        evening(before)
        [entry] = evening(line)
        assert {act["set"]: act["value"] for act in entry["acts"] if "set" in act} == SAID[line]
        assert 0 < len(entry["acts"][-1]["say"].split()) <= 12
        [(key, value)] = SAID[line].items()
        assert getattr(evening.dialogue.person, key) == value


ASKED = {
    "his name is tom": {"ex_name": "Tom"},
    "call me zorg": {"own_name": "Zorg"},
    "my name is anna": {"own_name": "Anna"},
    "set my country to ireland": {"country": "IE"},
    "change my plan to i'll ring my sister": {"plan": "I will ring my sister"},
    "keep a journal": {"journal": True},
}


@pytest.mark.parametrize("line", ASKED)
def test_what_may_be_about_something_else_is_asked_first(talk: Talk, line: str) -> None:
    evening = talk()
    assert evening.sets(line) == {}
    assert evening.sets("yes") == ASKED[line]
    assert talk().says(line).count("?") == 1
    evening = talk()
    evening(line)
    assert evening.sets("no") == {}
    assert evening.dialogue.person == Person()


@pytest.mark.parametrize("line", ["call me crazy", "call me back", "my name is mud"])
def test_a_figure_of_speech_is_no_name(talk: Talk, line: str) -> None:
    evening = talk()
    evening(line, "yes")
    assert evening.dialogue.person.own_name is None


@pytest.mark.parametrize("begin", ["i need to vent", "i want to say it to you instead of to him"])
def test_what_is_said_to_the_ex_changes_nothing(talk: Talk, begin: str) -> None:
    evening = talk()
    evening(begin)
    assert evening("you cut me off", "my name is anna", "call me anna")[0]["acts"] == []
    assert evening.dialogue.person == Person()


def test_patience_ends_at_its_longest_and_says_so(talk: Talk, pack: Pack) -> None:
    evening = talk()
    said = [evening.says("be more patient") for _ in range(3)]
    assert evening.dialogue.person.patience == "very_patient"
    assert said[2] in pack.lines["as_patient_as_i_go"]
    assert said[1] not in pack.lines["as_patient_as_i_go"]


def test_more_patience_does_not_lead_to_a_turn_without_end_and_less_leads_out_of_one(
    talk: Talk, pack: Pack
) -> None:
    evening = talk(patience="until_done")
    assert evening.says("be more patient") in pack.lines["as_patient_as_i_go"]
    assert evening.dialogue.person.patience == "until_done"
    assert evening.sets("be quicker") == {"patience": "very_patient"}
    evening = talk(patience="until_done")
    assert evening.sets("you don't have to wait for i'm done") == {"patience": "very_patient"}
    assert talk().sets("don't wait for i'm done") == {"patience": "normal"}


def test_how_things_are_changed_is_told_in_a_breath(talk: Talk) -> None:
    assert 5 < len(talk().says("how do i change things").split()) <= 20


def test_danger_comes_before_a_setting(talk: Talk) -> None:
    evening = talk()
    [entry] = evening("change my plan to kill myself tonight")
    assert entry["tier"] == "A"
    assert evening.dialogue.person.plan is None


def test_in_danger_a_name_is_no_setting_but_patience_still_is(talk: Talk) -> None:
    evening = talk()
    evening("i want to kill myself")
    assert evening.sets("call me anna") == {}
    assert evening.sets("give me more time") == {"patience": "patient"}


def test_a_name_just_given_is_understood_in_the_next_sentence(talk: Talk) -> None:
    evening = talk()
    evening("my ex is called rose", "yes")
    assert evening.dialogue.person.ex_name == "Rose"
    assert evening("i miss rose so much")[0]["intent"] == "i_miss_him"


def test_a_wish_is_found_among_the_readings_of_a_recogniser(understander: Understander) -> None:
    heard = {
        ("you caught me off", "you cut me off", "you put me off"): ("patience", "more"),
        ("call me an a", "call me and a", "call me anna"): ("own_name", "Anna"),
        ("my ex is called time", "my ex is called tom"): ("ex_name", "Tom"),
    }  # as PocketSphinx read them from flite's voices
    for readings, wish in heard.items():
        found = understander.understand([Hypothesis(each, 0.3) for each in readings]).change
        assert found is not None
        assert (found.key, found.value) == wish


def test_a_sentence_that_is_known_is_no_setting_in_a_lesser_reading(
    understander: Understander,
) -> None:
    readings = ("i want to call him", "be more patient")
    assert understander.understand([Hypothesis(each) for each in readings]).change is None


# Phrases and intents side by side


def test_no_phrase_of_an_intent_changes_a_setting(pack: Pack) -> None:
    phrases = SettingPhrases(pack)
    assert [phrase for _, phrase in pack.phrases() if phrases.change(phrase)] == []


def test_every_phrase_of_a_setting_is_heard_as_that_and_is_no_intents_own(
    pack: Pack, understander: Understander
) -> None:
    filled = {"{name}": "anna", "{country}": "ireland", "{plan}": "put the kettle on"}
    wrong, templates = [], 0
    for line, table in pack.settings.items():
        for template in table.get("phrases", ()) if isinstance(table, dict) else ():
            templates += 1
            for slot, word in filled.items():
                template = template.replace(slot, word)  # noqa: PLW2901
            for phrase in expand(template):
                found = understander.understand([Hypothesis(phrase)])
                if found.change is None or found.change.line != line or found.score >= 0.97:
                    wrong.append((line, phrase, found.intent, found.score))
    assert wrong == []
    assert templates > 50


# One word is enough

ONE_WORD = {
    "breathe": "breathe",
    "stay": "stay_with_me",
    "vent": "vent",
    "lonely": "i_feel_lonely",
} | {word: word for word in ("help", "louder", "stop", "yes", "no")}


@pytest.mark.parametrize("word", ONE_WORD)
def test_one_word_is_enough_to_ask_for_it(talk: Talk, word: str) -> None:
    assert talk()(word)[0]["intent"] == ONE_WORD[word]


def test_one_word_is_enough_from_an_urge_to_its_end(talk: Talk, pack: Pack) -> None:
    evening = talk()
    evening("i want to call him", "@wait 8")
    assert evening.says("yes") in pack.lines["stay_how_strong"]
    assert evening.says("seven") in pack.lines["stay_begin"]
    evening("@wait 605")
    assert evening.says("four") in pack.lines["stay_eased"]


def test_help_is_short(talk: Talk, pack: Pack) -> None:
    assert max(len(reply.text.split()) for reply in pack.intents["help"].replies) <= 20
    assert talk().says("what can i say")


def test_a_person_is_plain_data() -> None:
    anna = Person(own_name="Anna")
    assert anna.changed("own_name", None) == replace(anna, own_name=None)
    assert anna.changed("microphone", "headset") == anna
