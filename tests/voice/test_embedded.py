"""The embedded engines hear plain urges, keep what is dangerous hearable, outlive their workers."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lowtide.intents.events import Hypothesis
from lowtide.voice.ears import Ears
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.frames import FRAME_SECONDS, RATE, Frame, Samples, framed
from lowtide.voice.recognisers import sphinx as sphinx_module
from lowtide.voice.recognisers.sphinx import N_BEST, Sphinx, hypotheses
from lowtide.voice.recognisers.whisper import Whisper
from lowtide.voice.recording import Recording

Say = Callable[[str], list[Frame]]
Spoken = Callable[..., Path]
Needs = Callable[..., None]


Embedded = Sphinx | Whisper


@pytest.fixture(scope="module", params=[Whisper, Sphinx])
def engine(request: pytest.FixtureRequest) -> Iterator[Embedded]:
    engine: Embedded = request.param(behind=1)
    yield engine
    engine.close()


@pytest.fixture
def say(spoken: Spoken) -> Say:
    """Speech as the ears hand it over: a little silence, the words, the silence that ends them."""

    def said(words: str) -> list[Frame]:
        sound = [frame.samples for frame in Recording(spoken(words))]
        return _frames(np.concatenate([_quiet(0.3), *sound, _quiet(0.8)]))

    return said


def _quiet(seconds: float) -> Samples:
    noise = np.random.default_rng(1).normal(0, 3, int(seconds * RATE))
    return noise.astype(np.int16)


def _frames(samples: Samples) -> list[Frame]:
    return list(framed([samples]))


def _heard(engine: Embedded, frames: list[Frame]) -> tuple[Hypothesis, ...]:
    engine.start()
    for frame in frames:
        engine.accept(frame)
    return engine.finish()


@pytest.mark.parametrize("words", ["i want to call him", "does he miss me", "i miss him so much"])
def test_plain_words_are_heard_as_they_were_said(engine: Embedded, say: Say, words: str) -> None:
    assert _heard(engine, say(words))[0].text == words


@pytest.mark.parametrize(("said", "other"), [("call", "kill"), ("kill", "call")])
def test_call_and_kill_are_each_heard_or_kept_in_doubt(
    engine: Embedded, say: Say, said: str, other: str
) -> None:
    readings = _heard(engine, say(f"i want to {said} him"))
    words = {word for reading in readings for word in reading.text.split()}
    assert said in words
    assert other not in readings[0].text.split()


def test_readings_are_different_and_share_the_odds(engine: Embedded, say: Say) -> None:
    readings = _heard(engine, say("i keep looking at his pictures when i can't sleep"))
    confidences = [reading.confidence for reading in readings]
    assert 1 < len({reading.text for reading in readings}) == len(readings) <= N_BEST
    assert sum(confidences) <= 1.0 + 1e-9
    assert confidences[1:] == sorted(confidences[1:], reverse=True)
    assert len(set(confidences)) > 1


def test_a_reading_found_on_many_paths_counts_all_of_them() -> None:
    heard = hypotheses([("call him", -1.0), ("kill him", -1.0), ("call him", -1.0)])
    assert [each.text for each in heard] == ["call him", "kill him"]
    assert heard[0].confidence == pytest.approx(2 / 3)


def test_silence_says_nothing(engine: Embedded) -> None:
    assert _heard(engine, _frames(_quiet(2.0))) == ()


def test_nothing_at_all_says_nothing(engine: Embedded) -> None:
    assert _heard(engine, []) == ()


def test_what_was_understood_so_far_grows_from_pause_to_pause(engine: Embedded, say: Say) -> None:
    seen = [0]
    engine.start()
    for part in ("i want to call him", "but i know that i will feel worse in the morning"):
        for frame in say(part):
            engine.accept(frame)
        engine.partial()  # A look begins, which the next frame's answer tells of.
        engine.accept(_frames(_quiet(0.04))[0])
        seen.append(len(engine.partial().split()))
    engine.finish()
    assert seen == [0, 5, 16]


def test_a_dropped_utterance_leaves_nothing_behind(engine: Embedded, say: Say) -> None:
    engine.start()
    for frame in say("the weather is lovely today and the garden is full of birds"):
        engine.accept(frame)
    assert _heard(engine, say("does he miss me"))[0].text == "does he miss me"


@pytest.mark.parametrize("kind", [Whisper, Sphinx])
def test_a_killed_worker_costs_the_utterance_and_not_the_session(
    kind: type[Embedded], say: Say
) -> None:
    engine = kind(behind=1)
    frames = say("i miss him so much")
    try:
        engine.start()
        os.kill(engine._worker._process.pid or 0, signal.SIGKILL)
        engine._worker._process.join()
        for frame in frames:
            engine.accept(frame)
        assert engine.finish() == ()
        assert _heard(engine, frames)[0].text == "i miss him so much"
    finally:
        engine.close()


@pytest.mark.parametrize("kind", [Whisper, Sphinx])
def test_a_worker_killed_between_utterances_is_not_noticed(kind: type[Embedded], say: Say) -> None:
    engine = kind(behind=1)
    try:
        os.kill(engine._worker._process.pid or 0, signal.SIGKILL)
        engine._worker._process.join()
        assert _heard(engine, say("stay with me"))[0].text == "stay with me"
    finally:
        engine.close()


def test_utterances_end_where_the_voice_ends(engine: Embedded, say: Say) -> None:
    parts = [_quiet(1.0)]
    for words in ("stay with me", "does he miss me"):
        parts += [*(frame.samples for frame in say(words)), _quiet(1.0)]
    ears = Ears(engine)
    heard = [(frame.end, ears.hear(frame, patience=0.8)) for frame in framed(parts)]
    utterances = [(ended, utterance) for ended, utterance in heard if utterance]
    assert [each.text for _, each in utterances] == ["stay with me", "does he miss me"]
    for ended, utterance in utterances:
        assert ended - utterance.end == pytest.approx(0.8, abs=2 * FRAME_SECONDS)


def test_two_hundred_utterances_take_no_more_memory_than_twenty(
    engine: Embedded, say: Say, needs: Needs, record_property: Callable[[str, object], None]
) -> None:
    memory = Path(f"/proc/{engine._worker._process.pid}/statm")
    needs("/proc", here=memory.exists())
    frames, begun = say("stop")[8:], 0
    for number in range(200):
        assert _heard(engine, frames)
        if number == 20:
            begun = int(memory.read_text().split()[1])
    grown = int(memory.read_text().split()[1]) - begun
    record_property("worker's memory from utterance 20 to 200, %", round(100 * grown / begun, 2))
    assert grown < 0.02 * begun


def test_a_language_model_that_is_not_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sphinx_module, "MODEL", tmp_path / "en.lm.bin")
    with pytest.raises(NoRecogniser, match=r"the language model is missing; install lowtide"):
        Sphinx()
