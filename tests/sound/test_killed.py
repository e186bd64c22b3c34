"""A session that dies in the middle of a night: what it had answered with is in the journal.

How many are killed can be said: LOWTIDE_KILLS=20 scripts/test tests/sound/test_killed.py
"""

import os
import random
import signal
import sqlite3
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from room import Room, Talk

from lowtide.intents.pack import ANSWERING, load
from lowtide.voice.journal import Journal, Row, journal_file

pytestmark = pytest.mark.sound

Spoken = Callable[..., Path]
Record = Callable[[str, object], None]

KILLS = int(os.environ.get("LOWTIDE_KILLS", "3"))
SAID = ("I miss him so much.", "Does he miss me?", "I want to call him.", "I feel so lonely.")
EARLY, LATE = 6.0, 40.0
"""Seconds within which a session is killed: while it greets, or while two lines are answered."""
AN_ANSWER = (10.0, 18.0)
"""Seconds that somebody waits for an answer before they say the next thing."""
LEFT_ALONE = 5.0
"""Seconds in which the workers of a session that is gone notice it."""


@pytest.fixture
def agreed() -> Iterator[Path]:
    """The person has agreed to a journal."""
    settings = Path(os.environ["LOWTIDE_SETTINGS"])
    settings.write_text("journal = true\n")
    yield settings
    settings.unlink()
    journal_file().unlink(missing_ok=True)


def opened() -> tuple[Row, ...]:
    """What the journal holds; it opens, and nothing in it is damaged."""
    with closing(Journal(journal_file())) as journal:
        rows = journal.rows()
    with closing(sqlite3.connect(journal_file())) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    return rows


def killed(talk: Talk) -> None:
    """Kill -9 the program itself, and see its workers go by themselves."""
    os.kill(talk._process.pid, signal.SIGKILL)
    talk._process.wait(10)
    deadline = time.monotonic() + LEFT_ALONE
    while left := _session(talk._process.pid):
        assert time.monotonic() < deadline, f"left behind: {left}"
        time.sleep(0.1)


def _session(leader: int) -> list[str]:
    """Processes that are still running in a session whose leader is gone."""
    left = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, rest = path.read_text().partition("(")[2].rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, _, _, session = rest.split()[:4]
        if int(session) == leader and state != "Z":
            left.append(name)
    return left


@pytest.mark.usefixtures("agreed")
def test_killed_while_it_speaks_it_has_kept_what_it_answered(room: Room, spoken: Spoken) -> None:
    with room.talk() as talk:
        talk.greeting()
        room.say(spoken("I miss him so much.", voice="rms"))
        first = talk.answered(within=60)
        room.say(spoken("Does he miss me?", voice="rms"))
        killed(talk)  # Or of the second, as it happens.
    assert [row.about for row in opened()][:1] == ["i_miss_him"], first


def test_killed_at_any_moment_the_journal_opens_and_nothing_agreed_is_lost(
    room: Room, spoken: Spoken, agreed: Path, record_property: Record
) -> None:
    chance = random.Random(9)  # noqa: S311 - the same moments each time
    answering = {each.id for each in load().intents.values() if each.group in ANSWERING}
    recordings = [spoken(each, voice="rms") for each in SAID]
    answered: list[str] = []
    kept: tuple[Row, ...] = ()
    left_open = 0
    for run in range(KILLS):
        with room.talk() as talk:
            early = run % 4 == 3
            if not early:
                talk.greeting()
            moment = time.monotonic() + chance.uniform(0, EARLY if early else LATE)
            quiet = threading.Event()
            people = threading.Thread(target=_speak, args=(room, chance, recordings, quiet))
            people.start()
            time.sleep(max(0.0, moment - time.monotonic()))
            killed(talk)
            quiet.set()
            people.join()
            turns = [turn for turn in talk.rest() if turn.get("intent") in answering]
        before, answered = len(kept), [*answered, *(turn["intent"] for turn in turns)]
        left_open += journal_file().with_name("journal.sqlite-wal").exists()
        kept = opened() if journal_file().exists() else ()
        night = [row.about for row in kept[before:] if row.what == "heard"]
        assert night[: len(turns)] == [turn["intent"] for turn in turns]
        assert len(night) <= len(turns) + 1, "at most the answer that was still being said"
        assert tomllib.loads(agreed.read_text()) == {"journal": True}
    record_property(
        f"lowtide talk, {KILLS} kill -9 at a microphone",
        f"{len(answered)} answers said to their end, {sum(row.what == 'heard' for row in kept)} "
        f"kept, {left_open} logs to recover",
    )


def _speak(room: Room, chance: random.Random, lines: list[Path], quiet: threading.Event) -> None:
    """Somebody in the room, until nobody listens any more."""
    while not quiet.is_set():
        room.say(chance.choice(lines))
        quiet.wait(chance.uniform(*AN_ANSWER))
