"""Letters that were said here and not sent, kept as text because the person said so.

Each is a file of its own in a folder of the person's, apart from the journal, that nobody else may
read. What is forgotten is overwritten before it is deleted. What a disk keeps beneath a file is
beyond us.
"""

import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from platformdirs import user_data_path

from lowtide.voice.errors import BadFolder

NAMED = "%Y-%m-%d %H.%M.%S"
"""How a letter's file is named: when it was kept, by the person's own clock."""


@dataclass(frozen=True)
class Letter:
    """One letter as it is kept."""

    path: Path
    text: str

    @property
    def name(self) -> str:
        """When it was kept."""
        return self.path.stem


def letters_folder() -> Path:
    """`LOWTIDE_LETTERS`, or a folder beside the journal."""
    chosen = os.environ.get("LOWTIDE_LETTERS")
    beside = os.environ.get("LOWTIDE_JOURNAL")
    if chosen:
        return Path(chosen)
    return (Path(beside).parent if beside else user_data_path("lowtide")) / "letters"


def keep(folder: Path, at: datetime, text: str) -> Path:
    """Write a letter: it stands there when this has returned, all of it.

    Raises:
        BadFolder: It can't be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o700)
        name, number = f"{at:{NAMED}}", 1
        while (path := folder / f"{name}.txt").exists():
            number += 1
            name = f"{at:{NAMED}} {number}"
        with tempfile.NamedTemporaryFile(  # made for its owner alone
            "w", encoding="utf-8", dir=folder, suffix=".part", delete=False
        ) as part:
            part.write(f"{text}\n")
            part.flush()
            os.fsync(part.fileno())
        Path(part.name).replace(path)
    except OSError as error:
        raise BadFolder(f"{folder}: the letter can't be kept ({error.strerror}).") from error
    return path


def letters(folder: Path) -> tuple[Letter, ...]:
    """All letters, the oldest first.

    Raises:
        BadFolder: They can't be read.
    """
    try:
        return tuple(
            Letter(path, path.read_text("utf-8", errors="replace").rstrip("\n"))
            for path in sorted(folder.glob("*.txt"))
        )
    except OSError as error:
        raise BadFolder(f"{folder}: the letters can't be read ({error.strerror}).") from error


def forget(paths: Iterable[Path]) -> None:
    """Delete files for real: overwritten, and gone.

    Raises:
        BadFolder: One can't be deleted.
    """
    for path in paths:
        try:
            with path.open("r+b") as file:
                file.write(bytes(path.stat().st_size))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
        except FileNotFoundError:
            continue  # Deleted by the person, or by another lowtide.
        except OSError as error:
            raise BadFolder(f"{path}: can't be deleted ({error.strerror}).") from error
