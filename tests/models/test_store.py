"""A model gets onto the machine whole, or not at all."""

import hashlib
import stat
import zipfile
from pathlib import Path

import pytest

from lowtide.models import store as store_module
from lowtide.models.catalogue import Model, catalogue, find
from lowtide.models.store import (
    FetchFailed,
    ModelDamaged,
    ModelMissing,
    ModelUnknown,
    Store,
)

NAME = "small-ears"


def archive(folder: Path, *, also: dict[str, bytes] | None = None) -> Path:
    path = folder / "download.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr(f"{NAME}/am/final.mdl", b"sounds" * 100)
        zipped.writestr(f"{NAME}/conf/model.conf", b"--beam=13")
        for name, content in (also or {}).items():
            zipped.writestr(name, content)
    return path


def listed(monkeypatch: pytest.MonkeyPatch, download: Path) -> Model:
    """Put an entry for this download into the catalogue."""
    content = download.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    model = Model(NAME, "speech", "en", "ears", len(content), sha256, "Apache-2.0", "")
    monkeypatch.setattr(store_module, "catalogue", lambda: (model,))
    monkeypatch.setattr(store_module, "find", lambda name: model if name == NAME else None)
    return model


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "models")


def test_a_download_made_by_hand_is_verified_unpacked_and_found(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = listed(monkeypatch, archive(tmp_path))
    folder = store.get(NAME, tmp_path / "download.zip")
    assert (folder / "am" / "final.mdl").read_bytes() == b"sounds" * 100
    assert store.first("speech") == (model, folder)
    assert store.first("meaning") is None


def test_a_model_that_is_here_is_not_fetched_again(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(monkeypatch, archive(tmp_path))
    folder = store.get(NAME, tmp_path / "download.zip")
    (tmp_path / "download.zip").unlink()
    assert store.get(NAME, tmp_path / "download.zip") == folder


def test_some_other_file_is_refused_and_leaves_nothing_behind(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(monkeypatch, archive(tmp_path))
    other = tmp_path / "holiday.zip"
    other.write_bytes(b"photographs")
    with pytest.raises(ModelDamaged, match=r"holiday\.zip: is not small-ears"):
        store.get(NAME, other)
    assert [path.name for path in store.root.iterdir() if path.suffix != ".lock"] == []


def test_a_file_changed_since_is_noticed_and_getting_it_again_mends_it(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = listed(monkeypatch, archive(tmp_path))
    folder = store.get(NAME, tmp_path / "download.zip")
    (folder / "am" / "final.mdl").write_bytes(b"noise")
    with pytest.raises(ModelDamaged, match=r"final\.mdl .* fetch it again: lowtide models get"):
        store.path(model)
    store.get(NAME, tmp_path / "download.zip")
    assert store.path(model) == folder


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt"])  # noqa: S108
def test_an_archive_that_reaches_outside_is_refused(
    name: str, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed(monkeypatch, archive(tmp_path, also={name: b"x"}))
    with pytest.raises(ModelDamaged, match="holds what no model holds"):
        store.get(NAME, tmp_path / "download.zip")
    assert not list(tmp_path.rglob("outside.txt"))


def test_an_archive_with_a_link_is_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = archive(tmp_path)
    with zipfile.ZipFile(path, "a") as zipped:
        link = zipfile.ZipInfo(f"{NAME}/am/link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(link, "/etc/passwd")
    listed(monkeypatch, path)
    with pytest.raises(ModelDamaged, match="holds what no model holds"):
        store.get(NAME, path)


def test_an_archive_that_swells_is_refused(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "download.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(f"{NAME}/am/final.mdl", bytes(2_000_000))
    listed(monkeypatch, path)
    with pytest.raises(ModelDamaged, match="holds what no model holds"):
        store.get(NAME, path)


def test_what_is_not_here_says_what_to_type(store: Store) -> None:
    model = catalogue()[0]
    with pytest.raises(ModelMissing, match=f"lowtide models get {model.name}"):
        store.path(model)
    with pytest.raises(ModelMissing, match="is not installed"):
        store.remove(model.name)


def test_an_unknown_name_lists_the_known_ones(store: Store) -> None:
    with pytest.raises(ModelUnknown, match=r"all-MiniLM-L6-v2"):
        store.get("gpt")


def test_a_file_that_is_not_there_is_one_sentence(store: Store, tmp_path: Path) -> None:
    with pytest.raises(FetchFailed, match="there is no such file"):
        store.get("speech", tmp_path / "nowhere.zip")


def test_every_listed_model_can_be_verified() -> None:
    for model in catalogue():
        assert len(model.sha256) == 64, model.name
        assert model.bytes > 0, model.name
        assert bool(model.url) != bool(model.pypi), f"{model.name}: one source"
        assert find(model.name) == model
