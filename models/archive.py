"""Unpacks a zip file that may be broken or mean harm."""

import stat
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath

MOST_ENTRIES = 1000
"""A model has some twenty files."""


class BadArchive(Exception):  # noqa: N818 - named for what happened
    """The archive is not one to unpack; the message says why in a few words."""


def unpack(archive: Path, target: Path, limit: int, room_for: Callable[[int], None]) -> None:
    """Unpack a zip file into a new folder, once every entry of it has been looked at.

    Args:
        archive: The zip file.
        target: The folder.
        limit: Bytes that it may unpack to.
        room_for: Told how many bytes it unpacks to before any is written; may raise.

    Raises:
        BadArchive: It can't be read, or holds what it may not.
        OSError: The disk does not take it.
    """
    try:
        with zipfile.ZipFile(archive) as zipped:
            entries = zipped.infolist()
            if len(entries) > MOST_ENTRIES:
                raise BadArchive("it holds too many files")
            for entry in entries:
                _look_at(entry)
            size = sum(entry.file_size for entry in entries)
            if size > limit:
                raise BadArchive("it unpacks to more than a model can have")
            room_for(size)
            # An entry that turns out longer than it says is not read further: zipfile counts.
            zipped.extractall(target)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise BadArchive("it can't be read as a zip file") from error


def _look_at(entry: zipfile.ZipInfo) -> None:
    path = PurePosixPath(entry.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in entry.filename or ":" in entry.filename:
        raise BadArchive(f"{entry.filename!r} leads outside")
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadArchive(f"{entry.filename!r} is a link or no file at all")
