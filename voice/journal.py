"""What happened, where the person agreed to keep it: times, intents, flows, ratings, never words.

One sqlite file. A note stands there for good when `note` has returned, whatever happens to the
process afterwards, and to the machine (WAL with `synchronous=FULL`). What is forgotten is
overwritten (`secure_delete`), the file rebuilt (`VACUUM`) and the log emptied, so that no byte of
it is left in our files. What a disk keeps beneath a file is beyond us.
"""

import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

from platformdirs import user_data_path

from lowtide.intents.acts import Note
from lowtide.intents.history import History
from lowtide.voice.errors import BadFolder, Trouble

OURS = int.from_bytes(b"tide")
"""sqlite's application_id: says whose file it is."""
VERSION = 1
"""sqlite's user_version: raised when the table changes."""
TABLE = """
create table noted (
    id integer primary key,
    session integer not null,
    at text not null,      -- ISO 8601 with the offset of the person's own clock
    what text not null check (what not glob '*[^a-z_]*'),
    about text not null check (about not glob '*[^a-zA-Z0-9_.-]*'),  -- an id: no sentence gets in
    value integer check (value between 0 and 10)
)
"""
NEVER_KEPT = frozenset({"crisis_self_harm", "unsafe_with_him", "crisis_harm_others", "safety"})
"""Not even the intent: who else reads a history must not find it; safety.md section 2.7."""
LOCKED = 1.0
"""Seconds to wait for another lowtide that is writing: half of what the ears can keep waiting."""
NOON = timedelta(hours=12)
PERIOD = 30
"""Nights a history looks back."""


class NoJournal(Trouble):
    """The journal's file can't be used."""


@dataclass(frozen=True)
class Row:
    """One note as it is kept."""

    at: datetime
    what: str
    about: str
    value: int | None
    session: int = 0
    """The same for all that one run of lowtide noted."""

    @property
    def night(self) -> date:
        """The date of its evening: nights go from noon to noon, by the person's own clock."""
        return (self.at.replace(tzinfo=None) - NOON).date()


@dataclass(frozen=True)
class Wait:
    """An urge waited for together until its end."""

    end: Row
    before: int | None
    """0-10; None when no number was given."""
    after: int | None


def journal_file() -> Path:
    """`LOWTIDE_JOURNAL`, or the person's data folder."""
    chosen = os.environ.get("LOWTIDE_JOURNAL")
    return Path(chosen) if chosen else user_data_path("lowtide") / "journal.sqlite"


class Journal:
    """The journal of this file, open for one session. Making one makes the file.

    Raises:
        NoJournal: The file is not ours, is damaged, or can't be written; so do all methods.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._session = secrets.randbits(62)
        with self._told():
            self._database = self._opened()

    def note(self, at: datetime, note: Note) -> None:
        """Keep a note; what concerns danger is never kept.

        Args:
            at: By the person's own clock; without a zone, this machine's.
            note: An intent or a flow, and a rating.

        Raises:
            ValueError: The note holds anything but ids and a number from 0 to 10.
        """
        if note.about in NEVER_KEPT:
            return
        at = at if at.tzinfo else at.astimezone()
        row = (self._session, at.isoformat(timespec="seconds"), note.what, note.about, note.value)
        with self._told():
            self._database.execute(
                "insert into noted (session, at, what, about, value) values (?, ?, ?, ?, ?)", row
            )

    def forget_session(self) -> None:
        """Delete what this object noted, for real."""
        self._forget("delete from noted where session = ?", self._session)

    def forget_all(self) -> None:
        """Delete everything, for real."""
        self._forget("delete from noted")

    def rows(self) -> tuple[Row, ...]:
        """All notes, in the order in which they were made."""
        with self._told():
            found = self._database.execute(
                "select at, what, about, value, session from noted order by id"
            ).fetchall()
            return tuple(Row(datetime.fromisoformat(at), *rest) for at, *rest in found)

    def history(self, now: datetime) -> History:
        """What can be said of the nights before `now`."""
        return history(self.rows(), now)

    def close(self) -> None:
        """Put the log back into the file, which then stands alone."""
        with self._told():
            self._database.close()

    def _opened(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # sqlite gives -wal and -shm the mode of the file itself, so it is made first, and private.
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
        database = sqlite3.connect(self._path, timeout=LOCKED, isolation_level=None)
        try:
            self._check(database)
            self._path.chmod(0o600)
            database.execute("pragma journal_mode=wal")
            database.execute("pragma synchronous=full")
            database.execute("pragma secure_delete=on")
            # VACUUM's copy stays in memory: a file in /tmp would outlive a forgetting.
            database.execute("pragma temp_store=memory")
            _made(database)
            # A forgetting that was killed half-way may have left bytes in the log.
            database.execute("pragma wal_checkpoint(truncate)")
        except BaseException:
            database.close()
            raise
        return database

    def _check(self, database: sqlite3.Connection) -> None:
        """Look before touching: somebody else's database stays as it is."""
        owner, version, tables = _facts(database)
        if owner != OURS and (owner or version or tables):
            raise NoJournal(f"{self._path}: is not a journal of lowtide. Move it away.")
        if version > VERSION:
            raise NoJournal(f"{self._path}: was written by a newer lowtide. Update this one.")

    def _forget(self, statement: str, *values: int) -> None:
        with self._told():
            self._database.execute(statement, values)
            self._database.execute("vacuum")
            (busy, *_) = self._database.execute("pragma wal_checkpoint(truncate)").fetchone()
        if busy:
            raise NoJournal(
                f"{self._path}: is forgotten, but another lowtide still reads it. "
                "Close that, and forget again."
            )

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Translate what sqlite and the disk say."""
        try:
            yield
        except sqlite3.IntegrityError as error:
            raise ValueError(f"a note must be ids and a number from 0 to 10: {error}") from error
        except sqlite3.OperationalError as error:
            raise NoJournal(
                f"{self._path}: can't be used: {error}. Is the disk full, or is it read-only?"
            ) from error
        except (sqlite3.DatabaseError, ValueError, TypeError) as error:
            raise NoJournal(
                f"{self._path}: is damaged, or not a journal of lowtide: {error}. Move it away."
            ) from error
        except OSError as error:
            raise NoJournal(f"{self._path}: can't be used: {error.strerror}.") from error


def _facts(database: sqlite3.Connection) -> tuple[int, int, int]:
    """Owner, version, and how many tables."""
    wanted = ("pragma application_id", "pragma user_version", "select count(*) from sqlite_master")
    owner, version, tables = (database.execute(each).fetchone()[0] for each in wanted)
    return owner, version, tables


def _made(database: sqlite3.Connection) -> None:
    """Make the table, all of it or nothing, unless it is there."""
    database.execute("begin immediate")
    if _facts(database)[0] != OURS:
        database.execute(TABLE)
        database.execute(f"pragma application_id={OURS}")
        database.execute(f"pragma user_version={VERSION}")
    database.execute("commit")


def waits(rows: Iterable[Row]) -> tuple[Wait, ...]:
    """Every `rated_after`, with the last `rated_before` of the same session, used once.

    A `rated_after` without a number is a wait that ended without one; the next, with no
    `rated_before` between them, is the number that came late.
    """
    found: list[Wait] = []
    before: dict[int, int | None] = {}
    unrated: dict[int, int] = {}
    for row in rows:
        if row.what == "rated_before":
            before[row.session] = row.value
            unrated.pop(row.session, None)
        elif row.what == "rated_after" and row.session in unrated:
            place = unrated.pop(row.session)
            found[place] = replace(found[place], after=row.value)
        elif row.what == "rated_after":
            if row.value is None:
                unrated[row.session] = len(found)
            found.append(Wait(row, before.pop(row.session, None), row.value))
    return tuple(found)


def medians(waited: Iterable[Wait]) -> tuple[float, float] | None:
    """The median ratings before and after, of waits that have both."""
    both = [(each.before, each.after) for each in waited]
    rated = [(old, new) for old, new in both if old is not None and new is not None]
    if not rated:
        return None
    return median(old for old, _ in rated), median(new for _, new in rated)


def history(rows: Iterable[Row], now: datetime) -> History:
    """The last `PERIOD` nights before `now`, tonight among them."""
    rows = tuple(rows)
    tonight = Row(now, "", "", None).night
    recent = [row for row in rows if 0 <= (tonight - row.night).days < PERIOD]
    waited = waits(recent)
    before, after = medians(waited) or (None, None)
    slips = [row.night for row in rows if row.what == "slip"]
    return History(
        nights=len({row.night for row in recent}),
        ridden_out=len(waited),
        median_before=before,
        median_after=after,
        slips=sum(row.what == "slip" for row in recent),
        nights_since_slip=max(0, (tonight - max(slips)).days) if slips else None,
    )


def as_records(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows as they are exported: at, night, what, about, value."""
    return [
        {
            "at": row.at.isoformat(),
            "night": row.night.isoformat(),
            "what": row.what,
            "about": row.about,
            "value": row.value,
        }
        for row in rows
    ]


def write_private(path: Path, text: str) -> None:
    """Write a file that only the person may read.

    Raises:
        BadFolder: It can't be written.
    """
    try:
        opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(opened, "w", encoding="utf-8") as out:
            out.write(text)
        if path.is_file():  # Written over, it has its old mode; a terminal or a pipe keeps its own.
            path.chmod(0o600)
    except OSError as error:
        raise BadFolder(f"{path}: can't be written: {error.strerror}.") from error
