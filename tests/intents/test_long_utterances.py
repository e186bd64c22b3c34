"""Somebody talks for a minute: the end is answered, and danger is heard wherever it stands."""

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from lowtide.intents.events import Hypothesis, Understanding
from lowtide.intents.pack import ANSWERING, load
from lowtide.intents.understanding import Understander
from lowtide.models.meaning import load as load_meaning

DATA = Path(__file__).parents[1] / "data"
TALKS = 150
EVERYDAY = (
    "so the bus was late and then the shop had no milk and i walked the long way round by the "
    "school and my feet were wet and i thought about what to cook and whether the neighbour would "
    "mind the noise and the post had come and it was all leaflets and one about the bins"
)


@pytest.fixture(scope="module")
def understander() -> Understander:
    return Understander(load(), meaning=load_meaning())


@pytest.fixture
def draw() -> random.Random:
    return random.Random(3)  # noqa: S311 - variety, not secrecy


def understood(understander: Understander, said: str) -> Understanding:
    return understander.understand([Hypothesis(said)])


def rows(*names: str) -> Iterator[dict[str, str]]:
    for name in names:
        for line in (DATA / f"{name}.jsonl").read_text("utf-8").splitlines():
            yield json.loads(line)


def talk(draw: random.Random, *, sentences: int) -> list[str]:
    everyday = [row["text"] for row in rows("none_test", "none_held_out")]
    return draw.sample(everyday, sentences)


@pytest.mark.parametrize(
    "said",
    [
        f"{EVERYDAY} and i have written the letters so nobody has to wonder afterwards {EVERYDAY}",
        f"i have put all my tablets in a bowl and counted them {EVERYDAY} {EVERYDAY}",
        f"{EVERYDAY} {EVERYDAY} and he is sitting in his car outside again with the lights off",
    ],
)
def test_danger_is_heard_at_the_beginning_in_the_middle_and_at_the_end(
    understander: Understander, said: str
) -> None:
    assert understood(understander, said).tier is not None


def test_most_danger_that_is_heard_alone_is_heard_in_a_minute_of_talk(
    understander: Understander, draw: random.Random
) -> None:
    danger = [row["text"] for row in rows("safety_test", "safety_held_out") if row["tier"]]
    alone = [each for each in danger if understood(understander, each).tier]
    heard = 0
    for each in draw.sample(alone, TALKS):
        parts = talk(draw, sentences=4)
        parts.insert(draw.randint(0, 4), each)
        heard += understood(understander, " and ".join(parts)).tier is not None
    assert heard >= 0.7 * TALKS


def test_a_minute_of_everyday_talk_is_seldom_asked_about(
    understander: Understander, draw: random.Random
) -> None:
    talks = [" and ".join(talk(draw, sentences=draw.randint(4, 8))) for _ in range(TALKS)]
    asked = sum(understood(understander, each).tier is not None for each in talks)
    assert asked <= 0.15 * TALKS


def test_the_end_of_a_long_story_says_what_is_meant(
    understander: Understander, draw: random.Random
) -> None:
    pack = load()
    meant = [
        row for row in rows("paraphrases_test") if pack.intents[row["label"]].group in ANSWERING
    ]
    alone = [row for row in meant if understood(understander, row["text"]).intent == row["label"]]
    right = 0
    for row in draw.sample(alone, TALKS):
        said = " and ".join((*talk(draw, sentences=3), row["text"]))
        right += understood(understander, said).intent == row["label"]
    assert right >= 0.65 * TALKS
