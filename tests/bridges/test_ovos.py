"""lowtide as a skill: evenings in a real OpenVoiceOS core, with another skill beside it."""

import json
import os
import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lowtide.intents.pack import load

Needs = Callable[..., None]

ROOT = Path(__file__).parent.parent.parent
OVOS = ROOT / ".venv" / "ovos" / "bin" / "python"
"""Made by `ovos_environment` of scripts/environment, as .ci/run does."""
LOCALE = ROOT / "voice" / "bridges" / "locale" / "en-us"
PACK = load()
OTHER = ["the other skill took it"]

EVENINGS: dict[str, list[str | list[str]]] = {
    "an urge": ["I want to call him", "turn on the light"],
    "a vent": ["i need to vent", "turn on the light", "he left me", "i'm done", "what time is it"],
    "stop": ["i need to vent", "stop", "turn on the light"],
    "danger": ["i want to kill myself", "yes", "does he miss me"],
    "danger in a lesser reading": [["i want to kilt my shelf", "i want to kill myself"]],
    "none": ["turn on the light"],
    "the house's own words": ["louder", "good night"],
}


@pytest.fixture(scope="module")
def lived(needs: Needs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the house did in each evening."""
    needs("OpenVoiceOS (. scripts/environment; ovos_environment)", here=OVOS.exists())
    folder = tmp_path_factory.mktemp("ovos")
    homes = {
        f"XDG_{kind}_HOME": str(folder / kind) for kind in ("CONFIG", "DATA", "CACHE", "STATE")
    }
    done = subprocess.run(
        [OVOS, Path(__file__).with_name("ovos_house.py"), folder / "found.json"],
        input=json.dumps(list(EVENINGS.values())),
        env=os.environ | homes,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert (folder / "found.json").exists(), done.stderr[-2000:] + done.stdout[-2000:]
    found: dict[str, Any] = json.loads((folder / "found.json").read_text("utf-8"))
    found["evenings"] = dict(zip(EVENINGS, found["evenings"], strict=True))
    return found


def spoken(lived: dict[str, Any], evening: str) -> list[list[str]]:
    """What was spoken after each thing said."""
    return [turn["spoken"] for turn in lived["evenings"][evening]]


def words_of(intent: str) -> set[str]:
    return {
        reply.text.replace("{him}", word)
        for reply in PACK.intents[intent].replies
        for word in ("him", "")
    }


def test_an_urge_is_answered_and_the_light_is_left_to_others(lived: dict[str, Any]) -> None:
    (answer,), light = spoken(lived, "an urge")
    assert answer in words_of("want_to_call_him")
    assert light == OTHER


def test_a_vent_is_heard_out_by_converse(lived: dict[str, Any]) -> None:
    (begin,), light, told, (end,), after = spoken(lived, "a vent")
    assert begin in PACK.lines["vent_begin"]
    assert (light, told) == ([], []), "nobody breaks in, no other skill either"
    assert any(end.endswith(line) for line in PACK.lines["vent_long_breath"])
    assert after == OTHER


def test_stop_ends_it_without_a_word(lived: dict[str, Any]) -> None:
    _, stop, light = spoken(lived, "stop")
    assert stop == []
    assert light == OTHER


def test_danger_is_answered_first_and_stays(lived: dict[str, Any]) -> None:
    (first,), (second,), (later,) = spoken(lived, "danger")
    assert "emergency number" in first
    assert second != first
    assert later not in words_of("does_he_miss_me")
    assert lived["evenings"]["danger"][0]["listens"], "a question opens the microphone"


def test_danger_is_heard_in_a_lesser_reading(lived: dict[str, Any]) -> None:
    ((answer,),) = spoken(lived, "danger in a lesser reading")
    assert answer != OTHER[0]


def test_what_is_not_ours_is_passed_on(lived: dict[str, Any]) -> None:
    assert spoken(lived, "none") == [OTHER]
    assert spoken(lived, "the house's own words") == [OTHER, OTHER]


def test_it_needs_no_network(lived: dict[str, Any]) -> None:
    assert lived["network"] == []


def test_the_locale_is_what_the_packs_say() -> None:
    """After a change of the packs: scripts/make_locale."""
    made = runpy.run_path(str(ROOT / "scripts" / "make_locale"))["files"](PACK)
    for name, content in made.items():
        assert (LOCALE / name).read_text("utf-8") == content, "run scripts/make_locale"
