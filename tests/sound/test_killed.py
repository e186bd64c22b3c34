"""A session that dies in the middle of a night: what it had answered with is in the journal."""

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from room import Room

from lowtide.voice.journal import Journal, journal_file

pytestmark = pytest.mark.sound

Spoken = Callable[..., Path]


@pytest.fixture
def agreed() -> Iterator[None]:
    """The person has agreed to a journal."""
    settings = Path(os.environ["LOWTIDE_SETTINGS"])
    settings.write_text("journal = true\n")
    yield
    settings.unlink()
    journal_file().unlink()


@pytest.mark.usefixtures("agreed")
def test_killed_while_it_speaks_it_has_kept_what_it_answered(room: Room, spoken: Spoken) -> None:
    with room.talk() as talk:
        talk.greeting()
        room.say(spoken("I miss him so much.", voice="rms"))
        talk.answered(within=60)
        room.say(spoken("Does he miss me?", voice="rms"))
        os.killpg(talk._process.pid, signal.SIGKILL)  # Or of the second, as it happens.
    with closing(Journal(journal_file())) as journal:
        assert [row.about for row in journal.rows()][:1] == ["i_miss_him"]
    with closing(sqlite3.connect(journal_file())) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
