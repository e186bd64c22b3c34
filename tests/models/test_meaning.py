"""Other words for the same mean the same, with the encoder and, less well, without it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from lowtide.intents.understanding import DANGER
from lowtide.models import four_bits
from lowtide.models.encoder import Encoder
from lowtide.models.meaning import HEADS, MeaningModel, load
from lowtide.models.ngrams import Ngrams
from lowtide.models.wordpieces import LONGEST, Wordpieces

SAFETY = {"crisis_self_harm", "unsafe_with_him", "crisis_harm_others"}


@pytest.fixture(scope="module")
def meaning() -> MeaningModel:
    return load()


@pytest.fixture(scope="module")
def without_encoder(tmp_path_factory: pytest.TempPathFactory) -> MeaningModel:
    folder = tmp_path_factory.mktemp("heads")
    for name in ("labels.json", "ngrams.npz"):
        shutil.copy(HEADS / "en" / name, folder)
    return load(folder)


def likeliest(model: MeaningModel, said: str) -> str:
    probabilities = model.read(said).probabilities
    return max(probabilities, key=lambda each: probabilities[each])


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("my thumb keeps going to ex number", "want_to_call_him"),
        ("i can not hear you turn it up a bit", "louder"),
        ("do you think ex aches for me at night", "does_he_miss_me"),
        ("the bins go out tonight", "none"),
        ("ex never called me back about the boiler quote", "none"),
    ],
)
def test_other_words_for_the_same_are_understood(
    meaning: MeaningModel, said: str, meant: str
) -> None:
    assert likeliest(meaning, said) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("i want to call ex so badly", "want_to_call_him"),
        ("does ex miss me at all", "does_he_miss_me"),
        ("a bit louder", "louder"),
        ("the bins go out tonight", "none"),
    ],
)
def test_plain_words_are_understood_without_the_encoder(
    without_encoder: MeaningModel, said: str, meant: str
) -> None:
    assert not without_encoder.whole
    assert likeliest(without_encoder, said) == meant


def test_with_the_encoder_it_is_whole(meaning: MeaningModel) -> None:
    assert meaning.whole


@pytest.mark.parametrize("text", ["", "ÿ ☂ 7", "a" * 5000, "and then " * 2000])
def test_whatever_a_recogniser_writes_has_a_reading(meaning: MeaningModel, text: str) -> None:
    reading = meaning.read(text)
    assert sum(reading.probabilities.values()) == pytest.approx(1.0, abs=1e-4)
    assert set(reading.danger) == set(reading.clear) == SAFETY
    assert all(0 <= share <= 1 for share in reading.danger.values())


def test_the_same_words_give_the_same_reading(meaning: MeaningModel) -> None:
    assert meaning.read("ex left in may") == meaning.read("ex left in may")


def test_long_words_are_split_at_the_longest_known_piece() -> None:
    pieces = Wordpieces(["[UNK]", "[CLS]", "[SEP]", "un", "friend", "##friend", "##ed", "me"])
    assert pieces.numbers("unfriended me") == [1, 3, 5, 6, 7, 2]
    assert pieces.numbers("whatever") == [1, 0, 2]
    assert len(pieces.numbers("me " * 500)) == LONGEST


@pytest.mark.parametrize("content", [b"", b"no model", b"\xff" * 64])
def test_a_broken_model_is_no_model(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "minilm.onnx").write_bytes(content)
    with pytest.raises(ValueError, match="no model"):
        Encoder(Wordpieces(["[UNK]", "[CLS]", "[SEP]"]), tmp_path / "minilm.onnx")


@pytest.mark.parametrize("content", [b"", b"no arrays", b"PK\x03\x04"])
def test_broken_weights_are_none(tmp_path: Path, content: bytes) -> None:
    weights = tmp_path / "mpnet.npz"
    weights.write_bytes(content)
    with pytest.raises(ValueError, match="no weights"):
        Encoder(Wordpieces(["[UNK]", "[CLS]", "[SEP]"]), HEADS / "en" / "mpnet.onnx", weights)


def test_a_model_whose_weights_are_another_s_is_no_model(tmp_path: Path) -> None:
    weights = tmp_path / "mpnet.npz"
    np.savez(weights, **{"words.nibbles": np.zeros((1, 16, 3), np.uint8),
                         "words.times": np.ones((1, 3), np.uint8)})  # fmt: skip
    with pytest.raises(ValueError, match="no model"):
        Encoder(Wordpieces(["[UNK]", "[CLS]", "[SEP]"]), HEADS / "en" / "mpnet.onnx", weights)


def test_weights_in_four_bits_are_what_was_packed() -> None:
    draw = np.random.default_rng(3)
    times = draw.integers(1, 8, (4, 10)).astype(np.uint8)
    whole = draw.integers(-8, 8, (128, 10)).astype(np.int8)
    unpacked = four_bits.unpack(four_bits.pack(whole, times), times)
    assert (unpacked == whole * np.repeat(times, four_bits.BLOCK, 0).astype(np.int8)).all()
    assert abs(unpacked.astype(int)).max() <= four_bits.TOP


@pytest.mark.parametrize("content", [b"", b"no arrays", b"PK\x03\x04"])
def test_broken_ngrams_are_none(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ngrams.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="no n-grams"):
        Ngrams(path)


@pytest.mark.parametrize(
    ("said", "danger"),
    [
        ("i have got the tablets lined up on the table", "crisis_self_harm"),
        ("ex had ex hands round my throat", "unsafe_with_him"),
        ("i am going to put a knife in ex", "crisis_harm_others"),
    ],
)
def test_danger_is_heard_and_is_clear(meaning: MeaningModel, said: str, danger: str) -> None:
    reading = meaning.read(said)
    assert reading.danger[danger] > 0.5
    assert reading.clear[danger] > 0.5
    assert meaning.read("the tablets are for the dishwasher").danger[danger] < DANGER[danger]


def test_what_is_unclear_is_not_clear(meaning: MeaningModel) -> None:
    reading = meaning.read("i can not see the point of any of it any more")
    assert reading.danger["crisis_self_harm"] > 0.5
    assert reading.clear["crisis_self_harm"] < 0.5
