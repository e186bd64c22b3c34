"""Whoever can't hear it reads everything that is said: answers, and words into a silence."""

from lowtide.intents.events import Hypothesis, Understanding, Utterance
from lowtide.voice.live import _lines
from lowtide.voice.session import Done, Event, Heard, Turn


def read(*events: Event) -> list[str]:
    return [line for event in events for line in _lines(event)]


def test_an_answer_and_words_into_a_silence_are_each_read_once() -> None:
    utterance = Utterance(1.0, 2.0, (Hypothesis("i want to call him"),))
    understanding = Understanding("i want to call him", "want_to_call_him", 1.0)
    answer = Turn(understanding, utterance, "The pull is strong tonight.")
    offer = Turn(None, None, "Shall we wait ten minutes together?")
    assert read(Heard(answer), Done(answer), Done(offer)) == [
        "Heard: i want to call him. Meaning: want_to_call_him.",
        "Answer: The pull is strong tonight.",
        "Says: Shall we wait ten minutes together?",
    ]
