"""Conversations where we are spoken to and can't speak first, over a night on a virtual clock."""

import pytest

from lowtide.intents.acts import Say
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis
from lowtide.intents.pack import load
from lowtide.voice.bridges.conversations import KEPT_FOR, MOST, NIGHT, Conversations, Told, as_one
from lowtide.voice.packs import understander

PACK = load()


@pytest.fixture
def conversations() -> Conversations:
    def begin() -> Dialogue:
        return Dialogue(PACK, keeps=False, speaks_first=False)

    return Conversations(understander(PACK), begin, PACK)


def said(conversations: Conversations, text: str, now: float, conversation: str = "one") -> str:
    acts = conversations.answer(Told((Hypothesis(text),), conversation), now)
    say = as_one(acts)
    return say.text if say else ""


def replies(intent: str) -> set[str]:
    return {reply.text for reply in PACK.intents[intent].replies}


def test_the_one_more_look_comes_with_the_next_answer(conversations: Conversations) -> None:
    look = PACK.scripts["one_more_look"][-1]
    said(conversations, "i don't want to be here anymore", 0.0)
    said(conversations, "no", 10.0)
    assert look not in said(conversations, "it rained all day", 300.0)
    assert said(conversations, "it rained all day", 700.0).endswith(look)
    assert look not in said(conversations, "no", 710.0)


def test_a_conversation_ends_when_it_was_left_and_a_danger_lasts_the_night(
    conversations: Conversations,
) -> None:
    said(conversations, "i need to vent", 0.0)
    said(conversations, "i want to kill myself", 0.0, "danger")
    assert said(conversations, "i feel so lonely", KEPT_FOR - 1) == ""
    assert said(conversations, "i feel so lonely", 2 * KEPT_FOR + 1) in replies("i_feel_lonely")
    in_the_night = said(conversations, "does he miss me", NIGHT - 1, "danger")
    assert in_the_night
    assert in_the_night not in replies("does_he_miss_me")
    next_night = said(conversations, "does he miss me", 3 * NIGHT, "danger")
    assert next_night in replies("does_he_miss_me")


def test_strangers_do_not_make_us_forget_a_danger(conversations: Conversations) -> None:
    said(conversations, "i want to kill myself", 0.0, "danger")
    for number in range(MOST + 10):
        said(conversations, "stop", 1.0, f"stranger {number}")
    assert said(conversations, "does he miss me", 2.0, "danger") not in replies("does_he_miss_me")


def test_silence_is_an_answer(conversations: Conversations) -> None:
    acts = conversations.answer(Told((Hypothesis("stop"),), "one"), 0.0)
    assert not [act for act in acts if isinstance(act, Say)]
    assert as_one(acts) is None


def test_where_nothing_is_written_down_no_letter_and_no_journal_is_promised(
    conversations: Conversations,
) -> None:
    said(conversations, "let me say it to you instead", 0.0)
    said(conversations, "i never got to say goodbye to your mother", 20.0)
    ending = said(conversations, "i'm done", 40.0)
    assert ending in PACK.lines["letter_let_go"]
    assert said(conversations, "keep a journal", 60.0) in PACK.lines["journal_cannot"]
