"""The real libvosk on the tiny model that is only for tests, and folders that are no model."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lowtide.voice.errors import NoRecogniser
from lowtide.voice.frames import FRAME_SAMPLES, Frame
from lowtide.voice.recognisers.vosk import Vosk, check_folder
from lowtide.voice.recording import Recording

TINY = Path(__file__).parents[2].parent / "shared" / "data" / "tiny-vosk-model"
"""Synthetic speech only; it stands beside the checkout, not in it."""
Spoken = Callable[..., Path]


@pytest.fixture(scope="module")
def vosk() -> Iterator[Vosk]:
    if not TINY.is_dir():
        pytest.skip(f"the tiny Vosk model is not at {TINY}")
    engine = Vosk(TINY)
    yield engine
    engine.close()


def hear(engine: Vosk, path: Path) -> list[str]:
    """Feeds a recording; the partial texts on the way."""
    engine.start()
    partials = []
    for frame in Recording(path):
        engine.accept(frame)
        partials.append(engine.partial())
    return partials


@pytest.mark.parametrize("line", ["i want to call him", "does he miss me", "stay with me"])
def test_spoken_lines_are_heard(vosk: Vosk, spoken: Spoken, line: str) -> None:
    hear(vosk, spoken(line))
    best, *others = vosk.finish()
    assert best.text == line
    assert best.confidence >= max([other.confidence for other in others], default=0)
    assert sum(each.confidence for each in (best, *others)) <= 1.001


def test_the_words_so_far_grow(vosk: Vosk, spoken: Spoken) -> None:
    partials = [text for text in hear(vosk, spoken("i want to call him")) if text]
    assert partials
    assert len(partials[0]) < len(partials[-1])


def test_an_utterance_that_was_dropped_leaves_nothing_behind(vosk: Vosk, spoken: Spoken) -> None:
    hear(vosk, spoken("i want to call him"))
    hear(vosk, spoken("stay with me"))
    assert vosk.finish()[0].text == "stay with me"


def test_silence_has_no_words(vosk: Vosk) -> None:
    vosk.start()
    for index in range(60):
        vosk.accept(Frame(index, np.zeros(FRAME_SAMPLES, np.int16)))
    assert vosk.finish() == ()


@pytest.mark.parametrize("missing", ["am/final.mdl", "conf/mfcc.conf", "graph/Gr.fst"])
def test_a_folder_that_misses_a_file_is_refused_before_libvosk_sees_it(
    vosk: Vosk,  # noqa: ARG001 - only to be skipped with the others
    tmp_path: Path,
    missing: str,
) -> None:
    folder = shutil.copytree(TINY, tmp_path / "model")
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)  # The original may be read only.
    (folder / missing).unlink()
    with pytest.raises(NoRecogniser, match="is no Vosk model"):
        check_folder(folder)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoRecogniser, match="there is no such model folder"):
        Vosk(tmp_path / "nowhere")
