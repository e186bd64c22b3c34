"""Numbers as people say them when they are asked how strong it is, or for how long."""

import pytest

from lowtide.intents.numbers import minutes, only_rating, rating


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("seven", 7),
        ("about a seven", 7),
        ("seven out of ten", 7),
        ("ten out of ten", 10),
        ("8/10", 8),
        ("seven and a half", 7),
        ("7.5", 7),
        ("seven point five", 7),
        ("eight or nine", 9),
        ("it went from eight to four", 4),
        ("one", 1),
        ("maybe a one", 1),
        ("no one knows", None),
        ("i don't want to give one", None),
        ("nothing", 0),
        ("nothing helps", None),
        ("twenty", None),
        ("make it thirty", None),
    ],
)
def test_how_strong_it_is(said: str, number: int | None) -> None:
    assert rating(said) == number


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("four", 4),
        ("it's more like a nine now", 9),
        ("maybe a three or so", 3),
        ("down to two", 2),
        ("i sent him two messages", None),
        ("one more thing", None),
        ("for him", None),
        ("we had nine years", None),
    ],
)
def test_a_number_counts_unasked_only_where_it_is_all_that_is_said(
    said: str, number: int | None
) -> None:
    assert only_rating(said) == number


@pytest.mark.parametrize(
    ("said", "long"),
    [
        ("ten minutes", 10),
        ("half an hour", 30),
        ("actually make it twenty", 20),
        ("thirty", 30),
        ("make it ten", None),
        ("ten", None),
        ("a minute", None),
        ("he is twenty", None),
    ],
)
def test_how_long_it_is_to_be(said: str, long: int | None) -> None:
    assert minutes(said) == long
