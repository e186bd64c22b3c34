"""The English pack is whole, and every line of it may be said at two in the morning."""

import shutil
from pathlib import Path

import pytest

from lowtide.intents.pack import ENGLISH, PackInvalid, load
from lowtide.intents.rubric import faults

IDS = set(
    """
    does_he_miss_me is_he_thinking_about_me will_he_come_back did_he_realize would_it_be_different
    does_he_still_care has_he_forgotten_me has_he_moved_on why_is_he_silent
    want_to_call_him want_to_see_him want_to_check_on_him want_him_back want_his_validation
    he_contacted_me he_wants_to_meet i_contacted_him
    i_miss_him i_feel_lonely i_want_to_feel_loved i_cant_stop_thinking will_this_ever_end
    i_feel_weak i_feel_angry he_was_the_one i_blame_myself i_feel_worthless is_it_really_over
    crisis_self_harm unsafe_with_him crisis_harm_others
    stop repeat help louder quieter slower faster breathe stay_with_me vent done_venting
    unsent_letter how_am_i_doing forget_that good_night thank_you yes no none
    """.split()
)


def test_every_public_id_can_be_heard_and_no_other() -> None:
    assert set(load().intents) == IDS


def test_every_spoken_line_passes_the_rules_a_machine_can_check() -> None:
    assert list(faults(load())) == []


def test_a_line_that_preaches_is_found(tmp_path: Path) -> None:
    pack = shutil.copytree(ENGLISH, tmp_path / "en")
    page = pack / "i_miss_him.toml"
    said = load(pack).intents["i_miss_him"].replies[0].action
    page.write_text(page.read_text("utf-8").replace(said, "You should call her mother!"), "utf-8")
    found = " ".join(faults(load(pack)))
    assert "'should'" in found
    assert "'her'" in found
    assert "not speakable" in found


BROKEN = {
    'id = "stop"': ("id", "i_miss_him.toml: id"),
    'id = "i_miss_him"\nsurprise = 1': ("surprise", "unknown key: surprise"),
    "id = ": ("TOML", "can't be read"),
}


@pytest.mark.parametrize("written", BROKEN)
def test_a_broken_pack_names_the_file_and_the_key(written: str, tmp_path: Path) -> None:
    pack = shutil.copytree(ENGLISH, tmp_path / "en")
    page = pack / "i_miss_him.toml"
    page.write_text(page.read_text("utf-8").replace('id = "i_miss_him"', written), "utf-8")
    with pytest.raises(PackInvalid) as caught:
        load(pack)
    assert "i_miss_him.toml" in str(caught.value)
    assert BROKEN[written][1] in str(caught.value)


def test_no_number_is_spoken_that_nobody_can_dial() -> None:
    words = dict(zip("zero one two three four five six seven eight nine".split(), "0123456789",
                     strict=True))  # fmt: skip
    for line in load().helplines:
        spoken = "".join(words[word] for group in line.spoken for word in group.split())
        assert spoken == "".join(each for each in line.number if each.isdigit()), line.service
        assert not line.verified_on, "a number became verified: docs/safety.md must say by whom"
