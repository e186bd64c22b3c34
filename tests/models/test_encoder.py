"""Sentences that mean about the same are near each other, however they are worded."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from lowtide.models.encoder import LONGEST, Encoder, Wordpieces, read_weights
from lowtide.models.meaning import HEADS, MeaningModel, load


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder.read(HEADS / "en")


@pytest.fixture(scope="module")
def meaning() -> MeaningModel:
    model = load()
    assert model is not None
    return model


@pytest.mark.parametrize(
    ("said", "near", "far"),
    [
        ("i want to call he", "my thumb keeps going to he number", "the bins go out tonight"),
        ("talk a bit louder", "i can not hear you turn it up", "he never called me back"),
        ("does he miss me", "do you think he aches for me at night", "i miss the old kitchen"),
    ],
)
def test_other_words_for_the_same_are_nearer_than_the_same_words_for_something_else(
    encoder: Encoder, said: str, near: str, far: str
) -> None:
    vector = encoder.embed(said)
    assert vector @ encoder.embed(near) > vector @ encoder.embed(far) + 0.2


@pytest.mark.parametrize("text", ["", "ÿ ☂ 7", "a" * 5000, "and then " * 2000])
def test_whatever_a_recogniser_writes_gives_a_vector_of_length_one(
    encoder: Encoder, text: str
) -> None:
    assert np.linalg.norm(encoder.embed(text)) == pytest.approx(1.0, abs=1e-5)


def test_the_same_words_give_the_same_vector(encoder: Encoder) -> None:
    assert np.array_equal(encoder.embed("he left"), encoder.embed("he left"))


def test_long_words_are_split_at_the_longest_known_piece() -> None:
    pieces = Wordpieces(["[UNK]", "[CLS]", "[SEP]", "un", "friend", "##friend", "##ed", "me"])
    assert pieces.numbers("unfriended me") == [1, 3, 5, 6, 7, 2]
    assert pieces.numbers("whatever") == [1, 0, 2]
    assert len(pieces.numbers("me " * 500)) == LONGEST


def test_weights_kept_as_int8_are_the_weights(tmp_path: Path) -> None:
    matrix = np.array([[127, -64], [3, 0]], np.int8)
    scale = np.array([0.5, 2.0], np.float32)
    path = tmp_path / "model.safetensors"
    _write(path, {"w": ("I8", matrix), "w.scale": ("F32", scale)})
    read = read_weights(path)
    assert np.array_equal(read["w"], matrix)
    assert np.array_equal(read["w.scale"], scale)


@pytest.mark.parametrize("content", [b"", b"no model", b"\xff" * 64])
def test_a_broken_file_is_no_model(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is the promise
        read_weights(path)


def test_probabilities_add_up_and_cover_every_intent(meaning: MeaningModel) -> None:
    reading = meaning.read("does ex ever think of me")
    assert sum(reading.probabilities.values()) == pytest.approx(1.0, abs=1e-4)
    assert max(reading.probabilities, key=reading.probabilities.__getitem__) == (
        "is_he_thinking_about_me"
    )
    assert set(reading.danger) == {"crisis_self_harm", "unsafe_with_him", "crisis_harm_others"}


@pytest.mark.parametrize(
    ("said", "danger"),
    [
        ("i have got the tablets lined up on the table", "crisis_self_harm"),
        ("ex had ex hands round my throat", "unsafe_with_him"),
        ("i am going to put a knife in ex", "crisis_harm_others"),
    ],
)
def test_danger_is_heard(meaning: MeaningModel, said: str, danger: str) -> None:
    reading = meaning.read(said).danger
    assert reading[danger] > 0.5
    assert meaning.read("the tablets are for the dishwasher").danger[danger] < 0.2


def _write(path: Path, arrays: dict[str, tuple[str, NDArray[np.generic]]]) -> None:
    header, body = {}, b""
    for name, (kind, array) in arrays.items():
        end = len(body) + array.nbytes
        header[name] = {"dtype": kind, "shape": array.shape, "data_offsets": [len(body), end]}
        body += array.tobytes()
    written = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(written)) + written + body)
