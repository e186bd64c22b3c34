"""Somebody talks for a minute: the end is answered, and danger is heard wherever it stands."""

import pytest

from lowtide.intents.events import Hypothesis
from lowtide.intents.pack import load
from lowtide.intents.understanding import Understander
from lowtide.models.meaning import load as load_meaning

EVERYDAY = (
    "so the bus was late and then the shop had no milk and i walked the long way round by the "
    "school and my feet were wet and i thought about what to cook and whether the neighbour would "
    "mind the noise and the post had come and it was all leaflets and one about the bins"
)


@pytest.fixture(scope="module")
def understander() -> Understander:
    return Understander(load(), meaning=load_meaning())


def test_the_end_of_a_long_story_says_what_is_meant(understander: Understander) -> None:
    heard = understander.understand(
        [Hypothesis(f"{EVERYDAY} and now i am sat here and i really want to call him")]
    )
    assert heard.intent == "want_to_call_him"


@pytest.mark.parametrize(
    "said",
    [
        f"{EVERYDAY} and i have written the letters so nobody has to wonder afterwards {EVERYDAY}",
        f"i have put all my tablets in a bowl and counted them {EVERYDAY} {EVERYDAY}",
        f"{EVERYDAY} {EVERYDAY} and he is sitting in his car outside again with the lights off",
    ],
)
def test_danger_is_heard_wherever_it_stands(understander: Understander, said: str) -> None:
    assert understander.understand([Hypothesis(said)]).tier is not None


def test_a_long_story_about_nothing_dangerous_raises_no_alarm(understander: Understander) -> None:
    heard = understander.understand([Hypothesis(f"{EVERYDAY} {EVERYDAY}")])
    assert heard.tier is None
    assert heard.intent == "none"
