"""Three of the written nights, spoken in the room from their beginning to their end.

The stories of `tests/nights/` are said aloud by flite, heard by the real program through real
devices, and answered aloud. What is checked is what can be heard: which kind of line is said, and
where nothing is. Loudness, word counts and chance are checked where the same nights are typed.

They take eight minutes, so they are run by hand: scripts/test -m aloud
"""

import re
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from room import EARS_OPEN, Evening, Room
from test_nights import NIGHTS, Night

from lowtide.intents.pack import load
from lowtide.voice.letters import letters, letters_folder
from lowtide.voice.packs import understander

pytestmark = [pytest.mark.sound, pytest.mark.aloud]

Spoken = Callable[..., Path]
Record = Callable[[str, object], None]

LONGEST_WAIT = 20.0
"""Seconds of a written silence that are really waited for."""
TRIES = 3
"""How often somebody says a thing that was not heard, because we were speaking."""
HEARD_WITHIN = 45.0
"""Seconds from the end of a line to the end of its answer."""


class Aloud:
    """A story being told in the room."""

    def __init__(self, night: Night, evening: Evening, room: Room, spoken: Spoken) -> None:
        self._night = night
        self._evening = evening
        self._room = room
        self._spoken = spoken
        self._turn: dict[str, Any] = {}
        self._never: list[str] = []
        self.lines = self.again = 0

    def play(self) -> None:
        """Tell it to its end."""
        for number, line in self._night._lines:
            self._where = f"{self._night._name}, line {number}: {line}"
            self._play(line)

    def _play(self, line: str) -> None:
        if found := re.fullmatch(r"you: (.+)", line):
            self._say(found[1])
        elif found := re.fullmatch(r"within \d+(?: \w+)? says (.+)", line):
            self._next(60)
            self._check(found[1])
        elif found := re.fullmatch(r"wait (\d+)( min)?", line):
            time.sleep(min(float(found[1]) * (60 if found[2] else 1), LONGEST_WAIT))
            self._turn = {}
            with suppress(AssertionError):  # Nothing was said meanwhile.
                self._turn = self._evening.talk._next(0.1)
        elif found := re.fullmatch(r"says (.+)", line):
            self._check(found[1])
        elif line in ("silence", "stops"):
            assert not self._turn.get("reply"), (self._where, self._turn)
        elif found := re.fullmatch(r"meaning (\w+)", line):
            assert self._turn["intent"] == found[1], (self._where, self._turn)
        elif found := re.fullmatch(r"never says: (.+)", line):
            self._never += [each.strip() for each in found[1].split(",")]
        elif line.startswith("keeps "):
            [letter] = letters(letters_folder())
            assert letter.text, self._where
            assert stat.S_IMODE(letter.path.stat().st_mode) == 0o600
        elif line == "forgets":
            assert letters(letters_folder()) == (), self._where

    def _say(self, words: str) -> None:
        self.lines += 1
        self._words, self._tries = words, 1
        for _ in range(TRIES):
            try:
                self._say_once(words)
            except AssertionError as error:
                self.again += 1
                why = error
                continue
            return
        heard, said = self._evening.people.sounds(), self._evening.voice.sounds()
        pytest.fail(f"{self._where}: was not heard: {why}; people {heard}, ours {said}")

    def _say_once(self, words: str) -> None:
        time.sleep(EARS_OPEN)
        self._room.say(self._spoken(words, voice="rms"))
        self._turn = self._evening.talk.answered(within=HEARD_WITHIN)

    def _next(self, within: float) -> None:
        self._turn = self._evening.talk.turn(within)

    def _check(self, what: str) -> None:
        if what == "whatever":
            return
        while not self._turn["reply"] and self._tries < TRIES:
            # Silence where an answer was due: it was misheard, and is said again.
            self._tries += 1
            self.again += 1
            self._say_once(self._words)
        reply = self._turn["reply"]
        if what == "the same again":
            assert reply == self._before, (self._where, self._turn)
        else:
            wanted = [self._night._wanted(each) for each in what.split(" or ")]
            assert any(each(reply) for each in wanted), (self._where, self._turn)
        for words in self._never:
            assert not re.search(rf"\b{re.escape(words)}\b", reply, re.IGNORECASE), self._where
        self._before = reply


@pytest.mark.parametrize(
    "name", ["night_slip_next_morning", "night_man_who_left_her", "night_four_times_the_same"]
)
def test_a_night_goes_aloud_as_it_is_written(
    evening: Evening, room: Room, spoken: Spoken, record_property: Record, name: str
) -> None:
    pack = load()
    story = (NIGHTS / f"{name}.txt").read_text("utf-8")
    aloud = Aloud(Night(name, story, pack, understander(pack), seed=1), evening, room, spoken)
    evening.talk.greeting()
    aloud.play()
    status, errors = evening.talk.stop()
    assert (status, "Traceback" in errors) == (0, False)
    people, voice = evening.people.sounds(), evening.voice.sounds()
    assert len(people) == aloud.lines + aloud.again
    assert len(voice) > 1
    record_property(
        f"{name} aloud",
        f"{aloud.lines} lines said ({aloud.again} again), {len(voice)} sounds of ours, "
        f"{voice[-1].end - voice[0].start:.0f} s",
    )
