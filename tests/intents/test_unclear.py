"""Somebody in a noisy room: the readings differ, and what they share is still understood."""

import pytest

from lowtide.intents.events import Hypothesis
from lowtide.intents.pack import load
from lowtide.intents.understanding import Understander
from lowtide.models.meaning import load as load_meaning

DRIVING_BY = (
    "part of me just wants to drive bites house",
    "part of me just wants to drive by his house",
    "part of me just wants to try by his house",
)
BUTTER = (
    "he keeps forgetting the butter on his list",
    "he keeps for getting the butter on the list",
    "she keeps forgetting the better on his list",
)


@pytest.fixture(scope="module")
def understander() -> Understander:
    return Understander(load(), meaning=load_meaning())


def heard(readings: tuple[str, ...], certainty: float) -> list[Hypothesis]:
    shares = (0.45, 0.3, 0.25)
    return [
        Hypothesis(*each) for each in zip(readings, [certainty * s for s in shares], strict=True)
    ]


@pytest.mark.parametrize(
    "scrap", ["the", "huh", "call", "his phone", "see him", "without him", "let me see", "is he"]
)
def test_a_scrap_of_somebodys_talk_starts_nothing_however_badly_it_is_heard(
    understander: Understander, scrap: str
) -> None:
    for certainty in (1.0, 0.7, 0.41):
        assert understander.understand([Hypothesis(scrap, certainty)]).intent == "none"


def test_an_urge_is_understood_through_a_fan(understander: Understander) -> None:
    found = understander.understand(heard(DRIVING_BY, 0.5))
    assert found.intent == "want_to_see_him"
    assert found.alarm is None


@pytest.mark.parametrize("certainty", [1.0, 0.7, 0.45])
def test_a_shopping_list_is_nothing_however_badly_it_is_heard(
    understander: Understander, certainty: float
) -> None:
    assert understander.understand(heard(BUTTER, certainty)).intent == "none"
