"""The first session of all: nothing is rendered yet, and it listens as soon as any other."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from room import Room

from lowtide.intents.dialogue import Dialogue
from lowtide.intents.pack import load
from lowtide.voice.prompts import Prompts
from lowtide.voice.synthesis import Synthesis

pytestmark = pytest.mark.sound

Spoken = Callable[..., Path]
Record = Callable[[str, object], None]

READY_WITHIN = 1.5
"""Seconds from the start of the program to listening; DESIGN.md section 6."""
NO_LONGER = 3.0
"""Times the start of a later session, for a machine that does other work besides, whose load is not
the same twice; before, it was the start and ten seconds more."""
SENTENCES = 10
"""Of the greeting and of a question into the silence after it, which are said meanwhile."""
RENDERED_WITHIN = 120.0
"""Seconds for the words for danger with what computing is left over on such a machine."""


@pytest.fixture
def danger(tmp_path: Path) -> Iterator[set[Path]]:
    """Where the words for danger will be in the cache."""
    synthesis = Synthesis()
    prompts = Prompts(tmp_path / "prompts", synthesis)
    yield {
        prompts._path(part.text, say.words_per_minute)
        for say in Dialogue(load()).urgent()
        for part in say.parts
    }
    synthesis.close()


def test_with_an_empty_cache_it_listens_as_soon_as_ever_and_danger_is_answered(
    room: Room, spoken: Spoken, tmp_path: Path, record_property: Record
) -> None:
    line = spoken("I want to kill myself.", voice="rms")
    with room.tape("speaker"), room.talk(LOWTIDE_CACHE=str(tmp_path)) as first:
        room.say(line)
        turn = first.answered(within=60)
        assert first.stop()[0] == 0
    with room.talk(LOWTIDE_CACHE=str(tmp_path)) as second:
        assert second.stop()[0] == 0
    delay = turn["reply_start"] - turn["end"]
    record_property("empty cache: a crisis line to our first sound", f"{delay:.2f} s")
    record_property("empty cache: start to listening", f"{first.ready_after:.2f} s")
    record_property("and the second time", f"{second.ready_after:.2f} s")
    # Before the greeting has ended it may be misheard; then the one direct question is asked.
    assert (turn["intent"], turn["tier"] is not None) == ("crisis_self_harm", True)
    assert first.ready_after < max(READY_WITHIN, NO_LONGER * second.ready_after)


def test_with_an_empty_cache_the_words_for_danger_are_rendered_before_all_others(
    room: Room, tmp_path: Path, danger: set[Path], record_property: Record
) -> None:
    with room.talk(LOWTIDE_CACHE=str(tmp_path)) as talk:
        begun = time.monotonic()
        while not all(path.exists() for path in danger):
            assert time.monotonic() - begun < RENDERED_WITHIN
            time.sleep(0.1)
        others = set((tmp_path / "prompts").glob("*.flac")) - danger
        assert len(others) <= SENTENCES
        record_property("empty cache: danger rendered after", f"{time.monotonic() - begun:.1f} s")
        assert talk.stop()[0] == 0
