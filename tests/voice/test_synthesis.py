"""What a person hears of the voice: its pace, its level, its pauses, and that it comes back."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest

from lowtide.intents.acts import Part, Say
from lowtide.voice.prompts import Prompts
from lowtide.voice.synthesis import PROMPT_RATE, Synthesis, Voice

LINES = (
    "Under it there may be a simpler one, who is caring for me tonight.",
    "Lay your hands around your own arms and hold on for three breaths.",
    "Please put some distance between you and that.",
)


@pytest.fixture(scope="module")
def synthesis() -> Iterator[Synthesis]:
    speaking = Synthesis()
    yield speaking
    speaking.close()


@pytest.mark.parametrize("asked", [190, 125, 135, 110, 155])
def test_words_come_at_the_pace_that_was_asked(synthesis: Synthesis, asked: int) -> None:
    words = sum(len(line.split()) for line in LINES)
    seconds = sum(
        len(synthesis.render(line, Voice(words_per_minute=asked))) / PROMPT_RATE for line in LINES
    )
    assert words / seconds * 60 == pytest.approx(asked, rel=0.1)


def test_every_sentence_is_gentle_and_no_first_sound_is_loud(synthesis: Synthesis) -> None:
    for line in LINES:
        sound = synthesis.render(line, Voice()).astype(np.float64) / 32768
        assert pyloudnorm.Meter(PROMPT_RATE).integrated_loudness(sound) <= -22.5
        assert np.abs(sound[: int(0.003 * PROMPT_RATE)]).max() < 0.05
        assert np.abs(sound[-int(0.003 * PROMPT_RATE) :]).max() < 0.05


def test_pauses_are_as_designed(synthesis: Synthesis, tmp_path: Path) -> None:
    prompts = Prompts(tmp_path, synthesis)
    one = len(prompts.render(Say((Part("I am here."),))))
    two = len(prompts.render(Say((Part("I am here."), Part("I am here.", 1.0)))))
    assert two - 2 * one == PROMPT_RATE


def test_what_was_said_once_is_kept_and_sounds_the_same(
    synthesis: Synthesis, tmp_path: Path
) -> None:
    prompts = Prompts(tmp_path, synthesis)
    first = prompts.sentence("I am here.", 135)
    [kept] = tmp_path.glob("*.flac")
    assert np.array_equal(prompts.sentence("I am here.", 135), first)
    kept.write_bytes(kept.read_bytes()[:60])
    # Spoken anew, and so not to the sample: espeak never says a thing twice alike.
    assert len(prompts.sentence("I am here.", 135)) == pytest.approx(len(first), rel=0.02)


def test_a_voice_process_that_dies_is_started_again(synthesis: Synthesis) -> None:
    synthesis.render("I am here.", Voice())
    worker = synthesis._worker
    assert worker is not None
    worker._process.kill()
    assert len(synthesis.render("I am still here.", Voice())) > PROMPT_RATE / 4
