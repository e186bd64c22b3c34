"""Somebody who needs all the time there is: what they say ends when they say so, not by silence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

from lowtide.intents.closing import Closing
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.pack import Pack, load
from lowtide.intents.person import Patience, Person
from lowtide.voice.ears import Ears
from lowtide.voice.engines import recogniser
from lowtide.voice.frames import FRAME_SAMPLES, FRAME_SECONDS, RATE, Samples, framed
from lowtide.voice.mouth import Mouth
from lowtide.voice.packs import understander
from lowtide.voice.prompts import Prompts, cache_folder
from lowtide.voice.session import Done, Session, Turn
from lowtide.voice.speaker import Timeline
from lowtide.voice.synthesis import Synthesis
from lowtide.voice.telling import ENDS_AFTER

Spoken = Callable[..., Path]
Evening = Callable[..., "Heard"]


ANSWERED_WITHIN = 3.0
"""Seconds after the closing words: 0.9 of silence, and what a busy machine computes; a silence
alone takes 30."""
ANSWERED = -1.0


def waiting(true: Callable[[], bool]) -> Iterator[Samples]:
    """Silence, a minute at most."""
    for _ in range(round(60 / FRAME_SECONDS)):
        if true():
            return
        yield np.zeros(FRAME_SAMPLES, np.int16)
    raise AssertionError("nothing was answered within a minute")


@dataclass(frozen=True)
class Heard:
    """What came of an evening."""

    turns: list[Turn]
    """Those in which somebody was heard."""
    said_at: list[float]
    """Seconds at which something was said, in each of them."""
    dialogue: Dialogue

    @property
    def meant(self) -> list[str]:
        return [turn.understanding.intent for turn in self.turns if turn.understanding]

    @property
    def texts(self) -> list[str]:
        return [turn.utterance.text for turn in self.turns if turn.utterance]

    @property
    def ends(self) -> list[float]:
        """Seconds at which the last word of each was over."""
        return [turn.utterance.end for turn in self.turns if turn.utterance]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load()


@pytest.fixture(scope="module")
def evening(pack: Pack, spoken: Spoken) -> Iterator[Evening]:
    """Play what is said, and seconds of quiet, to a session: `evening("i miss him", 8.0, …)`.

    `ANSWERED` is the quiet until we have spoken, and a second more.
    """
    engine, synthesis, reader = recogniser("auto", recorded=True), Synthesis(), understander(pack)

    def play(*said: str | float, patience: Patience = "until_done") -> Heard:
        dialogue, speaker = (
            Dialogue(pack, person=Person(night="off", patience=patience)),
            Timeline(),
        )
        mouth = Mouth(Prompts(cache_folder(), synthesis), speaker)
        chunks = (chunk for each in (1.0, *said) for chunk in heard_of(each, speaker))
        events = Session(Ears(engine), reader, dialogue, mouth).converse(framed(chunks))
        done = [event.turn for event in events if isinstance(event, Done)]
        heard = [turn for turn in done if turn.utterance is not None]
        return Heard(heard, [turn.reply_start or 0.0 for turn in heard], dialogue)

    def heard_of(said: str | float, speaker: Timeline) -> Iterator[Samples]:
        if isinstance(said, str):
            yield np.asarray(soundfile.read(spoken(said, voice="rms"), dtype="int16")[0])
        elif said == ANSWERED:
            yield from waiting(lambda: speaker.sounding)
            yield from waiting(lambda: not speaker.sounding)
            yield np.zeros(RATE, np.int16)
        else:
            yield np.zeros(round(said * RATE), np.int16)

    yield play
    engine.close()
    synthesis.close()


def test_she_searches_for_words_for_twelve_seconds_and_is_not_answered_meanwhile(
    evening: Evening,
) -> None:
    said = ("we were together for six years", 12.0, "and now i want to call him", 1.0)
    heard = evening(*said, "over to you", 6.0)
    assert heard.meant == ["want_to_call_him"]
    assert "six years" in heard.texts[0]
    assert "over to you" not in heard.texts[0]
    assert heard.said_at[0] - heard.ends[0] < ANSWERED_WITHIN
    cut = evening(*said, "over to you", 6.0, patience="very_patient")
    assert len(cut.turns) > 1, "without it the silence ends what she says"


def test_the_closing_words_may_follow_in_one_breath(evening: Evening) -> None:
    heard = evening("i want to call him and that's it", 6.0)
    assert (heard.texts, heard.meant) == (["i want to call him"], ["want_to_call_him"])
    assert heard.said_at[0] - heard.ends[0] < ANSWERED_WITHIN


def test_who_is_done_with_him_is_not_done(evening: Evening) -> None:
    heard = evening("i told him i'm done", 5.0, "i am done with him", 5.0, "over to you", 6.0)
    [text] = heard.texts
    assert "done with him" in text


def test_who_goes_on_after_the_closing_words_takes_them_back(evening: Evening) -> None:
    heard = evening("we lived by the sea", 5.0, "that's all", 1.6, "no i want to call him", 4.0,
                    "i'm done", 6.0)  # fmt: skip
    assert "sea" in heard.texts[-1]
    assert "want to call him" in heard.texts[-1]


def test_who_forgets_the_closing_words_is_answered_after_half_a_minute(evening: Evening) -> None:
    heard = evening("does he miss me", 40.0)
    assert heard.meant == ["does_he_miss_me"]
    assert heard.said_at[0] - heard.ends[0] == pytest.approx(ENDS_AFTER, abs=0.5)


def test_danger_does_not_wait_for_the_closing_words(evening: Evening) -> None:
    heard = evening("we were together for six years", 5.0, "i want to kill myself", 8.0)
    assert heard.meant == ["crisis_self_harm"]
    assert heard.said_at[0] - heard.ends[0] < 4.0
    assert heard.dialogue.state == "safety"


def test_danger_that_a_pause_has_cut_in_two_is_found(evening: Evening) -> None:
    heard = evening("i want to be", 7.0, "dead", 8.0)
    assert heard.meant[0] == "crisis_self_harm"
    assert heard.said_at[0] - heard.ends[0] < 4.0


def test_in_danger_a_short_answer_is_enough(evening: Evening) -> None:
    heard = evening("i want to kill myself", ANSWERED, "yes i do", 6.0)
    assert len(heard.turns) == 2
    assert heard.said_at[1] - heard.ends[1] < 4.0


def test_stop_does_not_wait_for_the_closing_words(evening: Evening) -> None:
    heard = evening("we were together for six years", 5.0, "stop", 8.0)
    assert heard.meant == ["stop"]


def test_venting_is_ended_by_the_same_words(evening: Evening) -> None:
    heard = evening("i need to vent over to you", ANSWERED, "he never once asked how i was", 1.0,
                    "over to you", 8.0)  # fmt: skip
    assert heard.meant == ["vent", heard.meant[1], "done_venting"]
    assert heard.turns[-1].reply


def test_it_is_asked_for_and_given_up_in_words_that_hold_the_closing_words(
    evening: Evening,
) -> None:
    heard = evening("wait until i say i'm done", ANSWERED, "does he miss me", 8.0, "i'm done",
                    ANSWERED, "you don't have to wait for i'm done", ANSWERED,
                    patience="normal")  # fmt: skip
    assert heard.meant[1] == "does_he_miss_me"
    assert heard.dialogue.person.patience == "very_patient"
    assert len(heard.turns) == 3


CLOSED = {
    "i miss him so much i'm done": "i miss him so much",
    "and then he left so i think that's it": "and then he left",
    "um over to you": "",
    "i'm done": "",
    "okay that's everything": "",
    "he left it's your turn now": "he left",
    "he never asked how i was over to you": "he never asked how i was",
}
OPEN = [
    "i'm done with him",
    "i told him i'm done",
    "she said that's it",
    "i told tom that i'm done",
    "when he says it's your turn",
    "and then i was like i'm done",
    "you don't know when i'm done",
    "is that it",
    "over to you he said",
    "",
]


@pytest.mark.parametrize("text", CLOSED)
def test_closing_words_are_cut_from_the_end(pack: Pack, text: str) -> None:
    assert Closing(pack).cut(text) == CLOSED[text]


@pytest.mark.parametrize("text", OPEN)
def test_what_is_only_told_of_closes_nothing(pack: Pack, text: str) -> None:
    assert Closing(pack).cut(text) is None
