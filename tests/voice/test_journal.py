"""What is kept stays, whatever happens; what is forgotten is gone; nothing else is ever there."""

import csv
import io
import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, CompletedProcess

import pytest

from lowtide.intents.acts import Note
from lowtide.intents.history import History
from lowtide.voice.journal import Journal, NoJournal

Lowtide = Callable[..., CompletedProcess[str]]

TWO_AT_NIGHT = datetime(2026, 10, 31, 2, 0, tzinfo=UTC)
MOMENTS = 50
FOR_THE_NEXT = 0.05
"""Seconds within which a process is killed, from its first sign of life."""

NOTING = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from lowtide.intents.acts import Note
from lowtide.voice.journal import Journal
os.write(1, b"opening\\n")
journal = Journal(Path(sys.argv[1]))
for number in range(100000):
    journal.note(datetime(2026, 10, 31, 2, tzinfo=UTC), Note("heard", f"run{sys.argv[2]}-{number}"))
    os.write(1, b"%d\\n" % number)
"""

FORGETTING = """
import os, sys
from datetime import UTC, datetime
from pathlib import Path
from lowtide.intents.acts import Note
from lowtide.voice.journal import Journal
journal = Journal(Path(sys.argv[1]))
while True:
    for _ in range(20):
        journal.note(datetime(2026, 10, 31, 2, tzinfo=UTC), Note("heard", "i_feel_lonely"))
    os.write(1, b"forgetting\\n")
    journal.forget_session()
"""

NO_ROOM = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from lowtide.intents.acts import Note
from lowtide.voice.errors import Trouble
from lowtide.voice.journal import Journal
journal = Journal(Path(sys.argv[1]))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
number = 0
try:
    while True:
        journal.note(datetime(2026, 10, 31, 2, tzinfo=UTC), Note("heard", "i_miss_him"))
        number += 1
except Trouble as trouble:
    print(number, trouble)
"""


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LOWTIDE_JOURNAL", str(tmp_path / "kept" / "journal.sqlite"))
    return tmp_path / "kept" / "journal.sqlite"


def heard(*intents: str) -> list[tuple[datetime, Note]]:
    return [(TWO_AT_NIGHT, Note("heard", intent)) for intent in intents]


def keep(path: Path, *notes: tuple[datetime, Note]) -> None:
    """One session that notes this."""
    with closing(Journal(path)) as journal:
        for at, note in notes:
            journal.note(at, note)


def kept(path: Path) -> list[str]:
    with closing(Journal(path)) as journal:
        return [row.about for row in journal.rows()]


def every_byte(path: Path) -> bytes:
    """What stands in the journal's file, its log and its index."""
    return b"".join(file.read_bytes() for file in sorted(path.parent.iterdir()))


# What is kept


def test_a_night_is_kept_as_it_was(path: Path) -> None:
    began = datetime.fromisoformat("2026-10-31T01:58:03+01:00")
    night = [
        (began, Note("heard", "want_to_call_him")),
        (began + timedelta(minutes=1), Note("rated_before", "stay_with_me", 8)),
        (began + timedelta(minutes=21), Note("rated_after", "stay_with_me", 0)),
        (began + timedelta(hours=8), Note("slip", "i_contacted_him")),
    ]
    keep(path, *night)
    with closing(Journal(path)) as journal:
        rows = journal.rows()
    assert [(row.at, Note(row.what, row.about, row.value)) for row in rows] == night
    assert {row.night.isoformat() for row in rows} == {"2026-10-30"}
    assert rows[0].at.hour == 1  # By the person's own clock, wherever they are by then.


@pytest.mark.parametrize(
    "note",
    [
        Note("heard", "i want to call sam"),
        Note("i want to call sam", "want_to_call_him"),
        Note("rated_before", "stay_with_me", 11),
        Note("rated_before", "stay_with_me", -1),
    ],
)
def test_words_and_other_numbers_find_no_way_in(path: Path, note: Note) -> None:
    with closing(Journal(path)) as journal, pytest.raises(ValueError, match="must be ids"):
        journal.note(TWO_AT_NIGHT, note)
    assert kept(path) == []


def test_danger_leaves_no_trace(path: Path) -> None:
    danger = ["crisis_self_harm", "unsafe_with_him", "crisis_harm_others"]
    with closing(Journal(path)) as journal:
        for at, note in heard(*danger, "i_feel_lonely"):
            journal.note(at, note)
        found = every_byte(path)
    assert b"i_feel_lonely" in found
    assert not any(intent.encode() in found for intent in danger)


def test_only_the_person_can_read_it(path: Path) -> None:
    previous = os.umask(0)
    try:
        with closing(Journal(path)) as journal:
            journal.note(*heard("i_miss_him")[0])
            files = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    finally:
        os.umask(previous)
    names = [f"journal.sqlite{end}" for end in ("", "-shm", "-wal")]
    assert files == dict.fromkeys(names, 0o600)


def test_a_file_that_others_could_read_is_closed_to_them(path: Path) -> None:
    keep(path)
    path.chmod(0o644)
    keep(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_two_sessions_at_once_both_keep_their_notes(path: Path) -> None:
    with closing(Journal(path)) as first, closing(Journal(path)) as second:
        for number in range(20):
            first.note(TWO_AT_NIGHT, Note("heard", f"first{number}"))
            second.note(TWO_AT_NIGHT, Note("heard", f"second{number}"))
    assert len(kept(path)) == 40


# What is forgotten


def test_forget_that_takes_this_session_and_leaves_the_others(path: Path) -> None:
    keep(path, *heard("i_miss_him"))
    with closing(Journal(path)) as journal:
        for at, note in heard("i_feel_weak", "i_feel_angry") * 200:
            journal.note(at, note)
        assert b"i_feel_weak" in every_byte(path)
        journal.forget_session()
        left = every_byte(path)
        journal.note(*heard("good_night")[0])
    assert b"i_miss_him" in left
    assert b"i_feel_weak" not in left
    assert b"i_feel_angry" not in left
    assert kept(path) == ["i_miss_him", "good_night"]


@pytest.mark.parametrize("a_session_goes_on", [False, True])
def test_forgetting_everything_leaves_no_byte(
    path: Path, lowtide: Lowtide, *, a_session_goes_on: bool
) -> None:
    intents = [f"intent_number_{number}" for number in range(500)]
    keep(path, *heard(*intents))
    session = Journal(path) if a_session_goes_on else None
    if session:
        session.note(*heard("i_miss_him")[0])
    done = lowtide("journal", "forget", "--yes")
    left = every_byte(path)
    if session:
        session.note(*heard("good_night")[0])
        session.close()
    assert done.returncode == 0, done.stderr
    for trace in (b"intent_number", b"i_miss_him", b"heard", b"2026-10-31"):
        assert trace not in left
    assert kept(path) == (["good_night"] if session else [])


# Killed


def killed(path: Path, program: str, run: int, chance: random.Random, *, early: bool) -> int:
    """Let a process journal, kill it at a random moment; how many notes it had confirmed."""
    command = [sys.executable, "-c", program, path, str(run)]
    with subprocess.Popen(command, stdout=PIPE) as process:
        assert process.stdout is not None
        confirmed = 0
        process.stdout.readline()
        if not early:
            confirmed += bool(process.stdout.readline())
        time.sleep(chance.uniform(0, FOR_THE_NEXT))
        process.send_signal(signal.SIGKILL)
        return confirmed + process.stdout.read().count(b"\n")


def test_killed_at_fifty_moments_nothing_confirmed_is_lost(
    path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance = random.Random(5)  # noqa: S311 - the same moments each time
    path.parent.mkdir()
    confirmed: set[str] = set()
    left_open = 0
    for run in range(MOMENTS):
        number = killed(path, NOTING, run, chance, early=run % 3 == 0)
        confirmed |= {f"run{run}-{each}" for each in range(number)}
        left_open += path.with_name("journal.sqlite-wal").exists()
        found = kept(path)
        assert confirmed <= set(found), f"moment {run}"
        assert len(found) == len(set(found))
        # At most the one note that was being written when the process died is there beside them.
        assert len(found) <= len(confirmed) + run + 1
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    record_property("journal, notes confirmed before 50 kill -9", len(confirmed))
    record_property("journal, kills that left a log to recover", left_open)
    assert len(confirmed) > MOMENTS
    assert left_open > MOMENTS / 2


def test_killed_while_forgetting_it_opens_and_forgets_the_rest(path: Path) -> None:
    chance = random.Random(5)  # noqa: S311 - the same moments each time
    keep(path, *heard("i_miss_him"))
    for run in range(8):
        killed(path, FORGETTING, run, chance, early=True)
        assert "i_miss_him" in kept(path)
    with closing(Journal(path)) as journal:
        journal.forget_all()
        assert b"i_feel_lonely" not in every_byte(path)


# What can be wrong with the file


def not_a_database(path: Path) -> None:
    path.write_text("Dear diary, this is a text of my own and no database at all. " * 20)


def somebody_elses_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.execute("create table songs (name text)")


def a_folder(path: Path) -> None:
    path.mkdir()


def newer(path: Path) -> None:
    keep(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma user_version=2")


def broken(path: Path) -> None:
    keep(path, *heard(*["i_miss_him"] * 500))
    content = bytearray(path.read_bytes())
    content[4096:] = b"\xa5" * len(content[4096:])
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (not_a_database, "not a journal of lowtide"),
        (somebody_elses_database, "not a journal of lowtide"),
        (a_folder, "can't be used"),
        (newer, "newer lowtide"),
        (broken, "damaged"),
    ],
)
def test_a_file_that_is_no_journal_is_told_in_one_line_and_left_alone(
    path: Path, lowtide: Lowtide, spoil: Callable[[Path], None], says: str
) -> None:
    path.parent.mkdir()
    spoil(path)
    before = every_byte(path) if path.is_file() else b""
    done = lowtide("journal", "export")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert says in done.stderr
    assert str(path) in done.stderr
    assert (every_byte(path) if path.is_file() else b"") == before


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NoJournal, match="can't be used"):
        Journal(tmp_path / "file" / "journal.sqlite")


def test_a_full_disk_is_told_and_loses_nothing(path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_ROOM, path], capture_output=True, text=True, check=True
    )
    number, trouble = done.stdout.split(maxsplit=1)
    assert int(number) > 5
    assert "Is the disk full" in trouble
    assert len(kept(path)) == int(number)


# What it says of the weeks


def test_the_history_has_the_nights_the_waits_and_the_slips(path: Path) -> None:
    def wait(days_ago: int, before: int | None, after: int | None) -> list[tuple[datetime, Note]]:
        at = TWO_AT_NIGHT - timedelta(days=days_ago)
        return [
            (at, Note("rated_before", "stay_with_me", before)),
            (at + timedelta(minutes=20), Note("rated_after", "stay_with_me", after)),
        ]

    long_ago = TWO_AT_NIGHT - timedelta(days=40)
    evening_before = TWO_AT_NIGHT - timedelta(hours=7)  # 7 p.m.: the same night as 2 a.m.
    keep(path, (long_ago, Note("slip", "i_contacted_him")), *wait(35, 10, 1))
    keep(path, *wait(12, 9, 5), *wait(8, 8, 8), *wait(3, 6, 4), *wait(2, None, None))
    keep(path, (TWO_AT_NIGHT - timedelta(days=5), Note("slip", "i_contacted_him")))
    # Broken off: an urge that was not waited for until the end.
    keep(path, (evening_before, Note("rated_before", "stay_with_me", 9)))
    keep(path, *heard("i_miss_him"))
    with closing(Journal(path)) as journal:
        assert journal.history(TWO_AT_NIGHT) == History(
            nights=6,
            ridden_out=4,
            median_before=8,
            median_after=5,
            slips=1,
            nights_since_slip=5,
        )


def test_an_empty_journal_has_a_history_without_numbers(path: Path) -> None:
    with closing(Journal(path)) as journal:
        assert journal.history(TWO_AT_NIGHT) == History(0, 0, None, None, 0, None)


# The commands


def test_looking_makes_no_journal(path: Path, lowtide: Lowtide) -> None:
    assert "no journal" in lowtide("journal", "show").stdout
    assert "no journal" in lowtide("journal", "forget").stdout
    refused = lowtide("journal", "export")
    assert (refused.returncode, len(refused.stderr.splitlines())) == (1, 1)
    assert not path.exists()


def test_it_can_be_taken_away(path: Path, lowtide: Lowtide) -> None:
    keep(path, *heard("i_miss_him"), (TWO_AT_NIGHT, Note("rated_before", "stay_with_me", 7)))
    as_json = json.loads(lowtide("journal", "export").stdout)
    lowtide("journal", "export", "--format", "csv", "--out", path.parent / "out.csv")
    as_csv = list(csv.DictReader(io.StringIO((path.parent / "out.csv").read_text("utf-8"))))
    assert as_json[1] == {
        "at": "2026-10-31T02:00:00+00:00",
        "night": "2026-10-30",
        "what": "rated_before",
        "about": "stay_with_me",
        "value": 7,
    }
    assert [{**each, "value": str(each["value"] or "")} for each in as_json] == as_csv
    assert stat.S_IMODE((path.parent / "out.csv").stat().st_mode) == 0o600


def test_it_can_be_seen_night_by_night(path: Path, lowtide: Lowtide) -> None:
    keep(path, *heard("i_miss_him", "i_miss_him"), (TWO_AT_NIGHT, Note("slip", "i_contacted_him")))
    assert lowtide("journal", "show").stdout == (
        "2026-10-30  02:00-02:00  i_miss_him x2, slip i_contacted_him\n"
    )


def test_forgetting_everything_is_asked_first(path: Path, lowtide: Lowtide) -> None:
    keep(path, *heard("i_miss_him"))
    assert lowtide("journal", "forget", stdin="n\n").returncode == 1
    assert kept(path) == ["i_miss_him"]


def test_the_report_is_written_for_the_person_alone(path: Path, lowtide: Lowtide) -> None:
    keep(path, (datetime.now().astimezone(), Note("heard", "i_miss_him")))
    out = path.parent / "out.html"
    done = lowtide("journal", "report", "--html", out)
    assert done.returncode == 0, done.stderr
    assert "missing someone" in out.read_text("utf-8")
    assert stat.S_IMODE(out.stat().st_mode) == 0o600


def test_a_report_that_can_not_be_written_is_told(path: Path, lowtide: Lowtide) -> None:
    keep(path, *heard("i_miss_him"))
    done = lowtide("journal", "report", "--html", path.parent / "missing" / "out.html")
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
