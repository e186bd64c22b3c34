"""Whisper reads whole utterances: long ones in pieces, figures as words, nothing into noise."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import jiwer
import numpy as np
import pytest

from lowtide.intents.events import Hypothesis
from lowtide.models.speech import Reading
from lowtide.voice.engines import recogniser
from lowtide.voice.frames import RATE, Frame, Samples, framed
from lowtide.voice.recognisers import Recogniser, whisper
from lowtide.voice.recognisers.sphinx import Sphinx
from lowtide.voice.recognisers.whisper import MODEL, Whisper, hypotheses, words
from lowtide.voice.recording import Recording
from lowtide.voice.session import HARDLY

Spoken = Callable[..., Path]
OWN_WORDS = (
    "my sister says that i ought to delete all of his photographs",
    "every time the lift opens i look up and it is never her",
    "the kids are asleep and the flat is far too quiet",
    "i had the message written and my finger was already on the button",
    "we bought that lamp together and now i can't switch it on",
    "people keep telling me that it gets better and i nod",
)


@pytest.fixture(scope="module")
def engine() -> Iterator[Whisper]:
    engine = Whisper(behind=1)
    yield engine
    engine.close()


def _heard(engine: Recogniser, samples: Samples) -> tuple[Hypothesis, ...]:
    engine.start()
    for frame in framed([samples]):
        engine.accept(frame)
    return engine.finish()


def _said(spoken: Spoken, text: str, *, voice: str = "slt") -> Samples:
    return np.concatenate([frame.samples for frame in Recording(spoken(text, voice=voice))])


def _quiet(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.int16)


def test_the_files_are_those_that_were_looked_at() -> None:
    readme = (MODEL.parent / "README.md").read_text("utf-8")
    for file in sorted(MODEL.iterdir()):
        assert f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" in readme


def test_own_words_are_heard_in_noise_where_pocketsphinx_is_lost(
    engine: Whisper, spoken: Spoken, record_property: Callable[[str, object], None]
) -> None:
    noise = np.random.default_rng(3)
    sphinx = Sphinx(behind=1)
    engines: tuple[Recogniser, ...] = (engine, sphinx)
    errors = {each.name: 0.0 for each in engines}
    for number, text in enumerate(OWN_WORDS):
        said = _said(spoken, text, voice=("slt", "rms", "awb")[number % 3])
        loud = np.sqrt((said.astype(np.float64) ** 2).mean() / 10)  # 10 dB under the voice
        heard = said + noise.normal(0, loud, len(said)).astype(np.int16)
        for each in engines:
            readings = _heard(each, heard)
            errors[each.name] += jiwer.wer(text, readings[0].text if readings else "")
    sphinx.close()
    shares = {name: wrong / len(OWN_WORDS) for name, wrong in errors.items()}
    for name, share in shares.items():
        record_property(f"word errors at 10 dB, {name}, %", round(100 * share, 1))
    assert shares[engine.name] <= 0.6 * shares[sphinx.name]


def test_half_a_minute_without_a_stop_is_heard_from_beginning_to_end(
    engine: Whisper, spoken: Spoken
) -> None:
    told = [*OWN_WORDS, "last week i drove past the cafe where we met", "i want to call him"]
    parts = [part for text in told for part in (_said(spoken, text), _quiet(0.4))]
    heard = _heard(engine, np.concatenate(parts))
    assert jiwer.wer(" ".join(told), heard[0].text) <= 0.1
    assert heard[0].text.endswith(told[-1])
    assert sum(each.confidence for each in heard) > HARDLY, "long talk is heard as clearly as short"


def test_the_reading_made_in_a_pause_is_the_result_if_the_pause_ends_the_turn(
    engine: Whisper, spoken: Spoken
) -> None:
    frames = list(framed([np.concatenate([_said(spoken, "does he miss me"), _quiet(0.7)])]))
    engine.start()
    seen = []
    for frame in frames[:-8]:
        engine.accept(frame)
    for frame in frames[-8:]:
        seen.append(engine.partial())
        engine.accept(frame)
    engine.partial()
    assert seen[1] == engine.finish()[0].text == "does he miss me"


def test_who_goes_on_after_a_pause_is_heard_whole(engine: Whisper, spoken: Spoken) -> None:
    engine.start()
    for part in ("i want to call him", "but i know that i will regret it"):
        for frame in _frames(_said(spoken, part), _quiet(0.3)):
            engine.accept(frame)
        engine.partial()
    engine.accept(_frames(_quiet(0.04))[0])
    assert engine.finish()[0].text == "i want to call him but i know that i will regret it"


def _frames(*parts: Samples) -> list[Frame]:
    return list(framed([np.concatenate(parts)]))


@pytest.mark.parametrize("loud", [10, 300, 3000])
def test_what_is_read_into_rushing_water_is_hardly_heard(engine: Whisper, loud: int) -> None:
    noise = np.random.default_rng(2).normal(0, loud, 2 * RATE).astype(np.int16)
    assert sum(each.confidence for each in _heard(engine, noise)) < HARDLY


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("I'd say 7.", "i'd say seven"),
        ("Mr. Brown, it's 2,500 miles!", "mister brown it's two thousand five hundred miles"),
        ("Twenty-five minutes – okay?", "twenty five minutes okay"),
        ("At 10:30", "at ten thirty"),
        ("on 3.5.2020", "on three point five two thousand twenty"),
        ("a 3.5", "a three point five"),
    ],
)
def test_what_is_written_is_turned_into_what_was_said(written: str, said: str) -> None:
    assert words(written) == said


def test_full_stops_and_capitals_are_no_other_words() -> None:
    heard = hypotheses(
        [Reading("Call him.", -0.5, 4), Reading("call him", -1.0, 3), Reading("Kill him.", -2.0, 4)]
    )
    assert [each.text for each in heard] == ["call him", "kill him"]
    assert sum(each.confidence for each in heard) <= 1.0


def test_without_its_files_the_other_embedded_engine_hears(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOWTIDE_MODELS", str(tmp_path))
    monkeypatch.setattr(whisper, "MODEL", tmp_path)
    engine = recogniser("auto")
    assert engine.name.startswith("PocketSphinx")
    engine.close()
