"""The real libvosk hears, and outlives models that are broken.

It decodes with the small model of `models/test`, made from synthetic speech, or with a real one:
LOWTIDE_VOSK_MODEL=$(lowtide models path speech) scripts/test tests/voice/test_vosk.py
"""

import random
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from subprocess import CompletedProcess

import numpy as np
import pytest

from lowtide.intents.events import Utterance
from lowtide.voice.ears import Ears
from lowtide.voice.engines import recogniser
from lowtide.voice.errors import NoRecogniser
from lowtide.voice.frames import FRAME_SECONDS, RATE, Samples, framed
from lowtide.voice.recognisers.vosk import N_BEST, Vosk, hypotheses
from lowtide.voice.recognisers.vosk_trial import try_out
from lowtide.voice.recording import Recording

Spoken = Callable[..., Path]
Needs = Callable[..., None]
Lowtide = Callable[..., CompletedProcess[str]]
Copy = Callable[[], Path]

LINES = ("i want to call him", "does he miss me", "stay with me", "i miss him so much")
NO_WORD = "zzyzxq"
"""No model has it."""


@pytest.fixture(scope="module")
def vosk(vosk_folder: Path) -> Iterator[Vosk]:
    engine = Vosk(vosk_folder)
    yield engine
    engine.close()


@pytest.fixture
def copy(vosk_folder: Path, tmp_path: Path) -> Path:
    """A copy of the model, to be broken."""
    return Path(shutil.copytree(vosk_folder, tmp_path / "model"))


def samples(path: Path) -> Samples:
    return np.concatenate([frame.samples for frame in Recording(path)])


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.int16)


def hear(engine: Vosk, sound: Samples) -> list[str]:
    """Feeds a sound; the partial texts on the way."""
    engine.start()
    partials = []
    for frame in framed([sound]):
        engine.accept(frame)
        partials.append(engine.partial())
    return partials


def heard(engine: Vosk, sound: Samples) -> str:
    """The best reading of a sound."""
    hear(engine, sound)
    return next((each.text for each in engine.finish()), "")


# What it hears


@pytest.mark.parametrize("voice", ["slt", "rms"])
@pytest.mark.parametrize("line", LINES)
def test_spoken_lines_are_heard(vosk: Vosk, spoken: Spoken, line: str, voice: str) -> None:
    assert heard(vosk, samples(spoken(line, voice))) == line


def test_the_words_so_far_grow(vosk: Vosk, spoken: Spoken) -> None:
    partials = [text for text in hear(vosk, samples(spoken("i want to call him"))) if text]
    lengths = [len(text.split()) for text in partials]
    assert lengths[0] < lengths[-1] == 5
    assert lengths == sorted(lengths)


def test_readings_are_different_and_share_the_odds(vosk: Vosk, spoken: Spoken) -> None:
    counts = set()
    for line in LINES:
        hear(vosk, samples(spoken(line)))
        readings = vosk.finish()
        confidences = [each.confidence for each in readings]
        assert len({each.text for each in readings}) == len(readings) <= N_BEST
        assert 0.5 < sum(confidences) <= 1 + 1e-9
        assert all(0 < confidence <= 1 for confidence in confidences)
        assert confidences[1:] == sorted(confidences[1:], reverse=True)
        counts.add(len(readings))
    assert max(counts) > 1


def as_vosk_writes(*paths: tuple[str, float]) -> list[dict[str, object]]:
    return [{"text": text, "confidence": score} for text, score in paths]


def test_a_reading_found_on_several_paths_counts_all_of_them() -> None:
    paths = as_vosk_writes(("call him", 57.0), ("[unk] kill him", 57.0), ("call [unk] him", 57.0))
    readings = hypotheses([*paths, *as_vosk_writes(("[unk]", 57.0))])
    assert [each.text for each in readings] == ["call him", "kill him"]
    assert [each.confidence for each in readings] == pytest.approx([2 / 4, 1 / 4])


def test_what_silence_sounds_like_next_best_is_not_heard() -> None:
    assert hypotheses(as_vosk_writes(("", 26.6), ("i", 21.7))) == ()
    assert hypotheses(as_vosk_writes(("[unk]", 26.6), ("the", 26.5))) == ()


def test_every_word_has_its_time(vosk: Vosk, spoken: Spoken) -> None:
    sound = np.concatenate([silence(0.5), samples(spoken("i want to call him")), silence(0.5)])
    hear(vosk, sound)
    best = vosk.finish()[0]
    assert " ".join(word.text for word in best.words) == best.text
    assert all(word.start < word.end for word in best.words)
    assert all(a.end <= b.start + 0.001 for a, b in pairwise(best.words))
    assert best.words[0].start > 0.4
    assert best.words[-1].end < len(sound) / RATE - 0.3


def test_silence_has_no_words(vosk: Vosk) -> None:
    assert heard(vosk, silence(2.0)) == ""
    vosk.start()
    assert vosk.finish() == ()


def test_an_utterance_that_was_dropped_leaves_nothing_behind(vosk: Vosk, spoken: Spoken) -> None:
    hear(vosk, samples(spoken("i want to call him")))
    assert heard(vosk, samples(spoken("stay with me"))) == "stay with me"


def test_a_pause_inside_a_sentence_loses_nothing(vosk: Vosk, spoken: Spoken) -> None:
    """Vosk's own end of speech comes sooner than a patient listener's."""
    parts = [samples(spoken("stay with me")), silence(2.5), samples(spoken("does he miss me"))]
    assert heard(vosk, np.concatenate(parts)) == "stay with me does he miss me"


def test_the_same_sound_is_heard_the_same(vosk: Vosk, spoken: Spoken) -> None:
    sound = samples(spoken("does he miss me"))
    readings = []
    for _ in range(3):
        hear(vosk, sound)
        readings.append(vosk.finish())
    assert readings[0] == readings[1] == readings[2]


def test_utterances_end_where_the_voice_ends(vosk: Vosk, spoken: Spoken) -> None:
    first, second = samples(spoken("i want to call him")), samples(spoken("stay with me"))
    parts = [silence(1.0), first, silence(1.5), second, silence(1.5)]
    ears, ends = Ears(vosk), []
    utterances: list[Utterance] = []
    for frame in framed([np.concatenate(parts)]):
        if utterance := ears.hear(frame, patience=0.8):
            utterances.append(utterance)
            ends.append(frame.end)
    assert [each.text for each in utterances] == ["i want to call him", "stay with me"]
    for utterance, ended in zip(utterances, ends, strict=True):
        assert ended - utterance.end == pytest.approx(0.8, abs=2 * FRAME_SECONDS)
    assert 1.0 <= utterances[0].start < utterances[0].end < 1.2 + len(first) / RATE


# Limited to phrases


def test_a_limited_engine_hears_its_phrases_and_nothing_else(vosk: Vosk, spoken: Spoken) -> None:
    limited = vosk.limited(["stay with me", "good night"])
    assert heard(limited, samples(spoken("stay with me"))) == "stay with me"
    assert heard(limited, samples(spoken("good night"))) == "good night"
    assert heard(limited, samples(spoken("the garden is full of birds"))) == ""
    assert heard(vosk, samples(spoken("does he miss me"))) == "does he miss me", "the other goes on"


def test_words_the_model_does_not_have_are_named(vosk: Vosk) -> None:
    assert vosk.missing(["stay", NO_WORD, "me", NO_WORD]) == (NO_WORD,)
    with pytest.raises(NoRecogniser, match=f"can hear none of the phrases; .*{NO_WORD}"):
        vosk.limited([f"stop {NO_WORD}"])


def test_a_phrase_with_such_a_word_is_not_heard_by_its_half(vosk: Vosk, spoken: Spoken) -> None:
    limited = vosk.limited(["good night", f"stay with {NO_WORD}"])
    assert heard(limited, samples(spoken("stay with me"))) == ""


def test_a_model_with_one_whole_graph_says_that_it_can_not_be_limited(copy: Path) -> None:
    engine = Vosk(copy)
    (copy / "graph" / "HCLG.fst").touch()
    with pytest.raises(NoRecogniser, match="graph can't be limited"):
        engine.limited(["stop"])


# A night


def _resident() -> float:
    """Megabytes of memory this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def test_two_hundred_utterances_take_no_more_memory_than_twenty(
    vosk: Vosk, spoken: Spoken, needs: Needs, record_property: Callable[[str, object], None]
) -> None:
    needs("/proc", here=Path("/proc/self/statm").exists())
    sounds = [samples(spoken(line)) for line in LINES]
    limited = vosk.limited(["stay with me"])
    begun = 0.0
    for number in range(200):
        if number == 20:
            begun = _resident()
        assert heard(vosk, sounds[number % 4]) == LINES[number % 4]
        heard(limited, sounds[number % 4][: RATE // 2])
    grown = _resident() - begun
    record_property("memory grown from utterance 20 to 200, MB", round(grown, 2))
    assert grown < 0.02 * begun


# Models that are broken


@pytest.mark.parametrize(
    "name", ["am/final.mdl", "conf/mfcc.conf", "conf/model.conf", "graph/disambig_tid.int"]
)
@pytest.mark.parametrize("how", ["missing", "empty"])
def test_a_file_missing_or_empty_is_named(copy: Path, name: str, how: str) -> None:
    (copy / name).unlink()
    if how == "empty":
        (copy / name).touch()
    with pytest.raises(NoRecogniser, match=f"is no Vosk model: {name} is {how}"):
        Vosk(copy)


def test_an_empty_folder_and_none_at_all_are_named(tmp_path: Path) -> None:
    with pytest.raises(NoRecogniser, match=r"is no Vosk model: am/final\.mdl is missing"):
        Vosk(tmp_path)
    with pytest.raises(NoRecogniser, match="there is no such model folder"):
        Vosk(tmp_path / "nowhere")


def test_a_file_of_another_kind_is_named(copy: Path) -> None:
    (copy / "graph" / "Gr.fst").write_bytes(b"PK\x03\x04 no graph")
    with pytest.raises(NoRecogniser, match=r"graph/Gr\.fst is no file of that kind"):
        Vosk(copy)


@pytest.mark.parametrize("name", ["am/final.mdl", "graph/HCLr.fst", "graph/Gr.fst"])
def test_a_truncated_file_is_one_line(
    copy: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = (copy / name).read_bytes()
    (copy / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NoRecogniser, match="Vosk can't work with this model"):
        Vosk(copy)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["graph/HCLr.fst", "graph/Gr.fst", "am/final.mdl"])
def test_a_file_corrupted_inside_does_not_take_us_with_it(copy: Path, name: str) -> None:
    """Such files make libvosk crash, abort or run without end."""
    content = bytearray((copy / name).read_bytes())
    chance = random.Random(0)  # noqa: S311 - no secret
    for place in chance.sample(range(1000, len(content)), len(content) // 20):
        content[place] = chance.randrange(256)
    (copy / name).write_bytes(content)
    with pytest.raises(NoRecogniser, match=f"{copy}: "):
        try_out(copy, within=10)


def test_a_model_that_came_through_is_not_tried_again(copy: Path) -> None:
    try_out(copy)
    try_out(copy, within=0)
    (copy / "conf" / "model.conf").touch()
    with pytest.raises(NoRecogniser):
        try_out(copy, within=0)


def test_a_broken_model_of_ones_own_is_one_line_to_a_person(
    lowtide: Lowtide, spoken: Spoken, copy: Path, tmp_path: Path
) -> None:
    (copy / "graph" / "disambig_tid.int").write_text("1\n2\n")
    settings = tmp_path / "settings.toml"
    settings.write_text(f'vosk_model = "{copy}"\n')
    done = lowtide("hear", spoken("stay with me"), env={"LOWTIDE_SETTINGS": str(settings)})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"lowtide: {copy}: a file of this model is damaged")


def test_a_whole_model_of_ones_own_is_heard_with(
    lowtide: Lowtide, spoken: Spoken, copy: Path, tmp_path: Path
) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(f'vosk_model = "{copy}"\n')
    done = lowtide("hear", spoken("stay with me"), env={"LOWTIDE_SETTINGS": str(settings)})
    assert done.returncode == 0, done.stderr
    assert "Hearing with Vosk (model)." in done.stderr
    assert "heard   stay with me  (stay_with_me)" in done.stdout


def test_auto_hears_without_vosk_when_no_model_is_installed() -> None:
    engine = recogniser("auto")
    engine.close()
    assert engine.name.startswith("Whisper")
