"""However the ex is named and however it is written, the words are compared in one form."""

import pytest

from lowtide.intents.text import canonical, ex_word

NAMES = frozenset({"sam"})


@pytest.mark.parametrize(
    "said",
    ["i miss him", "i miss her", "I miss them.", "um i miss sam", "i miss my ex",
     "i miss my husband",
     "i miss my ex boyfriend"],
)  # fmt: skip
def test_the_ex_is_one_word(said: str) -> None:
    assert canonical(said, NAMES) == "i miss ex"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("I can't stop", "i can not stop"),
        ("i cant stop", "i can not stop"),
        ("she's gone", "ex is gone"),
        ("he'll call", "ex will call"),
        ("i’m gonna text him", "i am going to text ex"),
        ("sam's number", "ex number"),
        ("", ""),
        ("?!", ""),
    ],
)
def test_short_forms_are_opened(said: str, written: str) -> None:
    assert canonical(said, NAMES) == written


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("my hand keeps going to the phone i so badly want to wring her",
         "my hand keeps going to the phone i so badly want to ring ex"),
        ("stop me wringing sam", "stop me ringing ex"),
        ("i could wring his neck", "i could wring ex neck"),
    ],
)  # fmt: skip
def test_who_is_to_be_rung_is_not_to_be_wrung(heard: str, meant: str) -> None:
    assert canonical(heard, NAMES) == meant


def test_who_did_it_to_whom_stays() -> None:
    forms = {canonical(line) for line in ("he called me", "i called him", "i didn't call him",
                                          "i want to call him")}  # fmt: skip
    assert len(forms) == 4


@pytest.mark.parametrize(
    ("said", "word"),
    [("i miss her", "her"), ("does he miss me", "him"), ("i miss sam he was kind", "Sam"),
     ("my ex wife called", "your ex wife"), ("i feel lonely", None)],
)  # fmt: skip
def test_the_word_that_is_said_back(said: str, word: str | None) -> None:
    assert ex_word(said, NAMES) == word
