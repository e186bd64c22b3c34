"""Like talking to someone: it can be stopped, it gives way, it does not hear itself, it sleeps."""

import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Utterance
from lowtide.intents.pack import load
from lowtide.intents.person import Person
from lowtide.voice.earcons import TONES, earcon
from lowtide.voice.ears import Ears
from lowtide.voice.echo import Spoken
from lowtide.voice.engines import recogniser
from lowtide.voice.frames import FRAME_SAMPLES, FRAME_SECONDS, RATE, Frame
from lowtide.voice.mouth import Mouth, Tail
from lowtide.voice.packs import understander
from lowtide.voice.prompts import Prompts, cache_folder
from lowtide.voice.session import HARDLY, Done, Listening, Session
from lowtide.voice.settings import BargeIn
from lowtide.voice.speaker import Timeline
from lowtide.voice.synthesis import PROMPT_RATE, Synthesis
from lowtide.voice.waking import SLEEPS_AFTER, Waking

sys.path.insert(0, str(Path(__file__).parents[2] / "scripts"))
from bench_realtime import (
    AUDIBLE,
    YIELDS_WITHIN,
    EchoRoom,
    HeldSpeaker,
    Punctual,
    ScriptedEars,
    Watched,
)

Spoken_ = Callable[..., Path]
CUE = 2
"""Of the sounds of ours: the first words of the exercise, and "in" come before it."""
TAIL = 0.05
"""Seconds after a sound of ours, in which the room may still carry it."""


class Night:
    """A session on the virtual clock, with the real recogniser and voice."""

    def __init__(self) -> None:
        self.engine = recogniser("sphinx", recorded=True)
        self.synthesis = Synthesis()
        self.pack = load()
        self.understander = understander(self.pack)

    def session(self, timeline: Timeline, **chosen: Any) -> tuple[Session, Dialogue]:
        dialogue = Dialogue(self.pack, person=Person(night="off"))
        mouth = Mouth(Prompts(cache_folder(), self.synthesis), timeline)
        ears = chosen.pop("ears", None) or Ears(self.engine)
        return Session(ears, self.understander, dialogue, mouth, **chosen), dialogue


@pytest.fixture(scope="module")
def night() -> Iterator[Night]:
    one = Night()
    yield one
    one.engine.close()
    one.synthesis.close()


def lines(spoken: Spoken_, *texts: str) -> list[Any]:
    return [soundfile.read(spoken(text, voice="rms"), dtype="int16")[0] for text in texts]


def texts(events: Iterator[Any]) -> list[str]:
    turns = [event.turn for event in events if isinstance(event, Done)]
    return [turn.utterance.text for turn in turns if turn.utterance is not None]


def test_stop_over_our_voice_is_silence_before_the_word_has_ended(
    night: Night, spoken: Spoken_
) -> None:
    timeline = Punctual()
    room = EchoRoom(timeline, lines(spoken, "does he miss me", "stop"), None, over=2.5)
    session, _ = night.session(timeline)
    assert "stop" in texts(session.converse(room, greet=True))
    begun, ended = room.said[1]
    last, samples = timeline.sounds[-1]
    assert last < begun
    assert last + len(samples) / PROMPT_RATE < ended + 0.25


def test_talk_that_is_not_for_us_makes_us_wait_and_go_on(night: Night, spoken: Spoken_) -> None:
    timeline = Punctual()
    said = lines(spoken, "does he miss me", "the bins go out on tuesday morning")
    session, _ = night.session(timeline)
    heard = texts(session.converse(EchoRoom(timeline, said, None, over=2.5), greet=True))
    assert len(heard) == 1
    cut, rest = timeline.sounds[-2:]
    assert rest[0] > cut[0] + len(cut[1]) / PROMPT_RATE, "we were silent in between"


def test_quieter_is_obeyed_although_it_was_hardly_heard(night: Night, spoken: Spoken_) -> None:
    timeline = Punctual()
    said = [soundfile.read(spoken("quieter", voice="slt"), dtype="int16")[0]]
    with closing(recogniser("whisper", recorded=True)) as whisper:
        session, _ = night.session(timeline, ears=Ears(whisper))
        events = list(session.converse(EchoRoom(timeline, said), greet=True))
    turns = [event.turn for event in events if isinstance(event, Done)]
    asked = [turn for turn in turns if turn.understanding and turn.utterance]
    assert [turn.understanding.intent for turn in asked if turn.understanding] == ["quieter"]
    assert all(turn.utterance.certainty < HARDLY for turn in asked if turn.utterance)


class AtACue:
    """Headphones, and somebody who asks for breathing and says something at its second cue."""

    def __init__(self, timeline: Timeline, said: list[Any], after: float) -> None:
        self._timeline, (self._asked, self._later), self._after = timeline, said, after

    def __iter__(self) -> Iterator[Frame]:
        """Frames until five seconds after the second line.

        It is said `after` seconds into the cue, or after its end where that is sooner.
        """
        silence, said, last = np.zeros(RATE, np.int16), False, 0.0
        rest = np.concatenate((silence, self._asked))
        for index in range(round(60 / FRAME_SECONDS)):
            now = index * FRAME_SECONDS
            if not said and len(self._timeline.sounds) > CUE:
                start, samples = self._timeline.sounds[CUE]
                if now >= start + min(self._after, len(samples) / PROMPT_RATE + TAIL):
                    rest, said, last = self._later, True, now
            if said and now > last + 5:
                return
            mine, rest = rest[:FRAME_SAMPLES], rest[FRAME_SAMPLES:]
            yield Frame(index, np.pad(mine, (0, FRAME_SAMPLES - len(mine))))


@pytest.mark.parametrize("after", [0.1, 0.25, 60.0], ids=["at its start", "in it", "just after it"])
@pytest.mark.parametrize(("later", "state"), [("good night", "asleep"), ("i feel dizzy", "idle")])
def test_a_word_at_a_cue_for_breathing_is_heard(
    night: Night, spoken: Spoken_, later: str, state: str, after: float
) -> None:
    timeline = Punctual()
    session, dialogue = night.session(timeline)
    room = AtACue(timeline, lines(spoken, "breathe with me", later), after)
    replies = [event.turn.reply for event in session.converse(room) if isinstance(event, Done)]
    assert dialogue.state == state, replies
    assert state == "asleep" or replies[-1] in night.pack.lines["breathe_dizzy"]


def test_who_goes_on_after_our_answer_began_is_heard_as_one(night: Night, spoken: Spoken_) -> None:
    first, second = lines(spoken, "i want to call him", "because i miss him so much")
    sound = np.concatenate((np.zeros(RATE, np.int16), first, np.zeros(int(0.75 * RATE), np.int16),
                            second, np.zeros(3 * RATE, np.int16)))  # fmt: skip
    frames = [Frame(at, sound[at * FRAME_SAMPLES :][:FRAME_SAMPLES])
              for at in range(len(sound) // FRAME_SAMPLES)]  # fmt: skip
    timeline = Punctual()
    session, _ = night.session(timeline)
    (heard,) = texts(session.converse(frames))
    assert "call" in heard
    assert "miss" in heard
    begun, cut = timeline.sounds[0]
    assert len(timeline.sounds) > 1
    assert len(cut) / PROMPT_RATE < 1.0, "the first answer gave way"
    assert timeline.sounds[1][0] > begun + 1.0


@pytest.mark.parametrize(("gain", "barge_in"), [(None, "full"), (-10, "stop")])
def test_who_goes_on_is_given_way_within_a_tenth_of_a_second(
    night: Night,
    spoken: Spoken_,
    gain: float | None,
    barge_in: BargeIn,
    record_property: Callable[..., None],
) -> None:
    speaker, said = HeldSpeaker(), lines(spoken, "i want to call him", "because i miss him so much")
    room = EchoRoom(speaker, said, gain, 0.1, over=0.4, cancel=barge_in == "stop")
    watched = Watched(room)
    session, _ = night.session(speaker, barge_in=barge_in)
    (heard,) = texts(session.converse(watched, greet=True))
    assert "miss" in heard
    sound = room.said[1][0] + np.flatnonzero(np.abs(said[1]) > AUDIBLE)[0] / RATE
    began = next(each for each in watched.voiced if each > sound - FRAME_SECONDS)
    silent = next(each for each in speaker.held if each > sound)
    where = "headphones" if gain is None else f"echo at {gain} dB"
    record_property(f"gives way after voice activity, {where}", f"{silent - began:.3f} s")
    assert silent - began <= YIELDS_WITHIN


class StartledEars(ScriptedEars):
    """Take a frame of each second for the beginning of speech: no short sound of ours did that."""

    def hear(self, frame: Frame, patience: float, **_: object) -> Utterance | None:
        self.stirring = frame.index % 31 == 0
        return super().hear(frame, patience)


def test_a_frame_that_is_taken_for_speech_costs_a_gap_and_no_word(night: Night) -> None:
    speaker, silence = HeldSpeaker(), np.zeros(FRAME_SAMPLES, np.int16)
    session, _ = night.session(speaker, ears=StartledEars(every=100))
    list(session.converse(Frame(at, silence) for at in range(190)))
    assert len(speaker.held) == 1
    (begun, cut), (again, rest), *more = speaker.sounds
    assert again - begun - len(cut) / PROMPT_RATE == pytest.approx(FRAME_SECONDS, abs=0.002)
    uncut = Punctual()
    session, _ = night.session(uncut, ears=ScriptedEars(every=100))
    list(session.converse(Frame(at, silence) for at in range(190)))
    assert sum(map(len, (cut, rest, *(each for _, each in more)))) == pytest.approx(
        sum(len(each) for _, each in uncut.sounds), abs=PROMPT_RATE / 100
    )


@pytest.mark.parametrize(("gain", "delay"), [(-20, 0.0), (-10, 0.15), (0, 0.3)])
def test_our_own_voice_is_never_answered(
    night: Night, spoken: Spoken_, gain: float, delay: float
) -> None:
    timeline = Punctual()
    said = lines(spoken, "does he miss me", "i want to call him", "stay with me")
    room = EchoRoom(timeline, said, gain, delay)
    session, _ = night.session(timeline)
    assert len(texts(session.converse(room, greet=True))) == len(said)


@pytest.mark.parametrize("gain", [-10, 0])
def test_where_a_device_skips_our_own_voice_is_not_taken_for_a_stop(
    night: Night, gain: float
) -> None:
    for seed in range(11, 16):
        timeline = Punctual()
        room = EchoRoom(timeline, [], gain, 0.1, skips=0.05, seed=seed)
        session, _ = night.session(timeline)
        assert texts(session.converse(room, greet=True)) == []


def test_who_speaks_over_us_is_not_taken_for_our_own_voice(night: Night, spoken: Spoken_) -> None:
    for voice in ("slt", "rms", "awb"):
        timeline = Punctual()
        said = [
            soundfile.read(spoken(text, voice=voice), dtype="int16")[0]
            for text in ("does he miss me", "i do not want to live any more")
        ]
        ears = Ears(night.engine)
        session, _ = night.session(timeline, ears=ears)
        heard = texts(session.converse(EchoRoom(timeline, said, -10, 0.1, over=2.5), greet=True))
        assert len(heard) == len(said)
        assert not ears.echo, "danger is heard even then, so that it was heard does not tell"


def test_what_was_just_said_is_known_again_and_an_answer_to_it_is_not() -> None:
    spoken = Spoken()
    spoken.said("The pull is strong tonight. Lay the phone face down and breathe out slowly.")
    assert spoken.is_ours("lay the phone face down and breathe out")
    assert spoken.is_ours("the pull is strong to night")
    assert not spoken.is_ours("i have laid it down but i still want to call him")
    assert not spoken.is_ours("breathe")


def test_the_ears_open_when_the_room_has_fallen_silent() -> None:
    tail = Tail()
    tail.begin(10.0)
    for frame in range(20):
        now = 10 + frame * FRAME_SECONDS
        tail.hear(-30.0 if frame < 12 else -70.0, now, sounding=False)
        assert tail.lasts(now) or frame >= 12
    tail.begin(20.0)
    assert tail.lasts(20.4)
    assert not tail.lasts(20.6)


def test_an_open_microphone_says_that_it_sleeps_after_half_an_hour(night: Night) -> None:
    timeline = Punctual()
    session, dialogue = night.session(timeline, waking=Waking("open"))
    silence = np.zeros(FRAME_SAMPLES, np.int16)
    count = round((SLEEPS_AFTER["open"] + 60) / FRAME_SECONDS)
    last = 0.0
    for event in session.converse((Frame(at, silence) for at in range(count)), greet=True):
        if isinstance(event, Listening) and event.saying:
            last = event.now
    assert dialogue.state == "asleep"
    assert last > SLEEPS_AFTER["open"]
    list(session.wake(last + 100))
    assert dialogue.state == "idle"


@pytest.mark.parametrize("name", TONES)
def test_tones_are_soft_and_short(name: Any) -> None:
    tone = earcon(name).astype(float) / 32768
    assert 0.005 < np.abs(tone).max() < 0.05
    assert len(tone) / PROMPT_RATE < 0.6
