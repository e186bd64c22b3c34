"""A number that nobody has checked for a year is not given to somebody who needs it."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from lowtide.intents.dialogue import Dialogue
from lowtide.intents.pack import ENGLISH, PackInvalid, load
from lowtide.voice.helplines import as_of


@pytest.mark.parametrize(
    ("verified", "said"),
    [
        ("2026-01-10", "Please call one one six, one two three now."),
        ("2024-12-01", "Please call one one two now."),
        ("", "Please call one one six, one two three now."),
    ],
)
def test_a_number_verified_more_than_a_year_ago_gives_way_to_the_emergency_number(
    tmp_path: Path, verified: str, said: str
) -> None:
    folder = shutil.copytree(ENGLISH, tmp_path / "en")
    table = folder / "_helplines.toml"
    rows = table.read_text("utf-8").replace('verified_on = ""', f'verified_on = "{verified}"')
    table.write_text(rows, "utf-8")
    dialogue = Dialogue(as_of(load(folder), date(2026, 11, 26)), country="IE")
    (clear,) = (say for say in dialogue.urgent() if say.text.startswith("I'm glad you told me. P"))
    assert said in clear.text


def test_a_date_that_is_none_is_named(tmp_path: Path) -> None:
    folder = shutil.copytree(ENGLISH, tmp_path / "en")
    table = folder / "_helplines.toml"
    table.write_text(
        table.read_text("utf-8").replace('verified_on = ""', 'verified_on = "last May"', 1), "utf-8"
    )
    with pytest.raises(PackInvalid, match="US, 988"):
        as_of(load(folder), date(2026, 11, 26))
