"""A model gets onto the machine whole, or not at all; from a real server that may behave badly.

What is fetched is the small Vosk model that is here for tests, packed as its makers pack theirs.
"""

import hashlib
import io
import json
import re
import resource
import shutil
import stat
import threading
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lowtide.models.catalogue import Model, catalogue
from lowtide.models.download import BLOCK
from lowtide.models.store import (
    FetchFailed,
    ModelDamaged,
    ModelMissing,
    ModelUnknown,
    ModelUnverified,
    Store,
    StoreTrouble,
    Watch,
)

NAME = "small-ears"
TEST_MODEL = Path(__file__).parents[2] / "models" / "test" / "vosk-model-lowtide-test"
Site = Any
"""The fixture of conftest.py."""
Write = Callable[[zipfile.ZipFile], None]


def packed(also: Write | None = None, compression: int = zipfile.ZIP_STORED) -> bytes:
    """A model as a zip file, with what `also` writes into it."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as zipped:
        for path in sorted(TEST_MODEL.rglob("*")):
            if path.is_file():
                zipped.write(path, f"{NAME}/{path.relative_to(TEST_MODEL)}")
        if also:
            also(zipped)
    return file.getvalue()


def listing(content: bytes, url: str = "http://127.0.0.1:9/model.zip", size: int = 0) -> Model:
    """A catalogue's entry for this download."""
    return Model(
        name=NAME,
        kind="speech",
        language="en",
        what="ears",
        bytes=size or len(content),
        licence="Apache-2.0",
        notes="",
        sha256=hashlib.sha256(content).hexdigest(),
        url=url,
    )


@pytest.fixture(scope="module")
def content() -> bytes:
    return packed()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "models"


@pytest.fixture
def store(root: Path, site: Site, content: bytes) -> Store:
    """Knows the one model that the server has."""
    site.content = content
    return Store(root, [listing(content, site.url)])


def left(root: Path) -> list[str]:
    """What stands in the store's folder beside locks."""
    return sorted(path.name for path in root.iterdir() if path.suffix != ".lock")


def refusal(store: Store, error: type[StoreTrouble], archive: Path | None = None) -> str:
    """The one line with which a model is not installed."""
    with pytest.raises(error) as raised:
        store.get(NAME, archive)
    assert not store.installed()
    line = str(raised.value)
    assert "\n" not in line
    return line


def by_hand(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "download.zip"
    path.write_bytes(content)
    return path


# Fetching


def test_a_model_is_fetched_verified_unpacked_and_found(store: Store, site: Site) -> None:
    seen: list[tuple[int, int]] = []
    folder = store.get("speech", watch=Watch(lambda done, total: seen.append((done, total))))
    assert (folder / "am/final.mdl").read_bytes() == (TEST_MODEL / "am/final.mdl").read_bytes()
    assert store.first("speech") == (store.known(NAME), folder)
    assert store.first("meaning") is None
    assert seen[-1] == (len(site.content), len(site.content))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert left(store.root) == [NAME]


FETCH = """
import json, sys
from pathlib import Path
from lowtide.models.catalogue import Model
from lowtide.models.store import Store
from lowtide.voice.progress import shown
model = Model(**json.loads(sys.argv[1]))
with shown(model.name) as watch:
    Store(Path(sys.argv[2]), [model]).get(model.name, watch=watch)
"""


def test_a_terminal_shows_how_far_it_is(
    terminal: Callable[..., tuple[int, str]], store: Store, root: Path
) -> None:
    status, seen = terminal("-c", FETCH, json.dumps(vars(store.known(NAME))), root)
    assert status == 0, seen
    assert "━" in seen
    assert re.search(r"\d\.\d/\d\.\d MB", seen)
    assert store.installed()


def test_a_download_cut_off_goes_on_where_it_was(store: Store, site: Site) -> None:
    third = len(site.content) // 3
    site.cut_after = [third, third]
    store.get(NAME)
    assert site.asked_from == pytest.approx([0, third, 2 * third], abs=2 * BLOCK)
    assert site.asked_from == sorted(set(site.asked_from))


def test_a_download_given_up_goes_on_the_next_time(store: Store, site: Site) -> None:
    site.cut_after = [500_000, 0]
    line = refusal(store, FetchFailed)
    assert "the connection was cut off" in line
    assert "goes on from there" in line
    store.get(NAME)
    before, *later = site.asked_from
    assert before == 0
    assert later == pytest.approx([500_000] * 2, abs=BLOCK)
    assert left(store.root) == [NAME]


def test_a_server_that_knows_no_ranges_is_asked_for_all_of_it(store: Store, site: Site) -> None:
    site.knows_ranges = False
    site.cut_after = [500_000]
    store.get(NAME)
    assert left(store.root) == [NAME]


def test_the_beginning_of_another_file_is_thrown_away(store: Store, site: Site) -> None:
    store.root.mkdir()
    (store.root / f".{NAME}.part").write_bytes(b"x" * 5000)
    store.get(NAME)
    assert site.asked_from == [5000, 0]


def test_all_of_it_fetched_before_needs_no_more(store: Store, site: Site) -> None:
    store.root.mkdir()
    (store.root / f".{NAME}.part").write_bytes(site.content)
    store.get(NAME)
    assert left(store.root) == [NAME]


def test_another_file_of_the_same_size_is_refused_and_not_kept(store: Store, site: Site) -> None:
    site.content = b"x" * len(site.content)
    assert "its SHA-256 differs" in refusal(store, ModelDamaged)
    assert left(store.root) == []


def test_a_download_without_end_is_stopped(store: Store, site: Site) -> None:
    site.content *= 3
    refusal(store, ModelDamaged)
    assert left(store.root) == []


def test_two_at_once_fetch_it_once(root: Path, site: Site, content: bytes) -> None:
    site.content, site.pause = content, threading.Event()
    model, waiting = listing(content, site.url), threading.Event()

    def get() -> Path:
        return Store(root, [model]).get(NAME, watch=Watch(waiting=waiting.set))

    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(get), pool.submit(get)]
        assert waiting.wait(10), "the second one has noticed the first"
        site.pause.set()
        assert [each.result() for each in both] == [root / NAME] * 2
    assert site.asked_from == [0]


# Without the network


def test_no_network_is_one_line_with_the_way_by_hand(root: Path, content: bytes) -> None:
    store = Store(root, [listing(content)])
    line = refusal(store, FetchFailed)
    assert "no network, or the server is down" in line
    assert line.endswith(f"then: lowtide models get {NAME} --from FILE.zip")


def test_a_proxy_that_refuses_is_named(
    store: Store, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert "the proxy in HTTPS_PROXY or HTTP_PROXY" in refusal(store, FetchFailed)
    assert not site.asked_from


def test_an_address_that_is_gone_says_what_the_server_said(store: Store, site: Site) -> None:
    site.status = 404
    assert "the server answers 404" in refusal(store, FetchFailed)


def test_a_download_made_by_hand_needs_no_network(
    root: Path, tmp_path: Path, content: bytes
) -> None:
    store = Store(root, [listing(content)])
    archive = by_hand(tmp_path, content)
    folder = store.get(NAME, archive)
    assert archive.exists()
    archive.unlink()
    assert store.get(NAME, archive) == folder, "one that is here is not looked for again"


def test_some_other_file_is_refused_and_leaves_nothing_behind(store: Store, tmp_path: Path) -> None:
    other = tmp_path / "holiday.zip"
    other.write_bytes(b"photographs")
    assert "holiday.zip: is not small-ears" in refusal(store, ModelDamaged, other)
    assert "there is no such file" in refusal(store, FetchFailed, tmp_path / "nowhere.zip")
    assert "there is no such file" in refusal(store, FetchFailed, tmp_path)
    assert left(store.root) == []


# The disk


def test_a_disk_too_small_is_said_before_anything_is_fetched(
    root: Path, site: Site, content: bytes
) -> None:
    store = Store(root, [listing(content, site.url, size=10**15)])
    assert re.search(r"needs \d+ MB free there and \d+ MB are", refusal(store, FetchFailed))
    assert not site.asked_from


@contextmanager
def disk_takes(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("unpacking", [False, True])
def test_a_disk_that_fills_up_on_the_way_leaves_no_half_model(
    store: Store, tmp_path: Path, content: bytes, *, unpacking: bool
) -> None:
    archive = by_hand(tmp_path, content) if unpacking else None
    with disk_takes(1_000_000):
        assert "can't be written" in refusal(store, FetchFailed, archive)
    assert NAME not in left(store.root)
    store.get(NAME)
    assert left(store.root) == [NAME]


def test_a_folder_that_can_not_be_written_is_named(
    tmp_path: Path, site: Site, content: bytes
) -> None:
    (tmp_path / "file").write_text("")
    store = Store(tmp_path / "file" / "models", [listing(content, site.url)])
    assert "can't be written" in refusal(store, FetchFailed)


# Archives that mean harm, or are broken, though their sum is the one listed


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", "a\\..\\..\\outside.txt"])  # noqa: S108
def test_an_archive_that_reaches_outside_is_refused(root: Path, tmp_path: Path, name: str) -> None:
    content = packed(lambda zipped: zipped.writestr(name, b"x"))
    store = Store(root, [listing(content)])
    assert "leads outside" in refusal(store, ModelDamaged, by_hand(tmp_path, content))
    assert not list(tmp_path.rglob("*outside.txt"))


def test_an_archive_with_a_link_is_refused(root: Path, tmp_path: Path) -> None:
    def link(zipped: zipfile.ZipFile) -> None:
        entry = zipfile.ZipInfo(f"{NAME}/am/link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(entry, "/etc/passwd")

    content = packed(link)
    store = Store(root, [listing(content)])
    assert "is a link" in refusal(store, ModelDamaged, by_hand(tmp_path, content))


def test_an_archive_that_swells_is_refused(root: Path, tmp_path: Path) -> None:
    content = packed(
        lambda zipped: zipped.writestr(f"{NAME}/zeros", bytes(100_000_000)), zipfile.ZIP_DEFLATED
    )
    store = Store(root, [listing(content)])
    assert "unpacks to more" in refusal(store, ModelDamaged, by_hand(tmp_path, content))


def test_an_archive_of_thousands_of_files_is_refused(root: Path, tmp_path: Path) -> None:
    def many(zipped: zipfile.ZipFile) -> None:
        for number in range(1001):
            zipped.writestr(f"{NAME}/{number}", b"")

    content = packed(many)
    store = Store(root, [listing(content)])
    assert "too many files" in refusal(store, ModelDamaged, by_hand(tmp_path, content))


def test_a_truncated_archive_is_refused(root: Path, tmp_path: Path, content: bytes) -> None:
    half = content[: len(content) // 2]
    store = Store(root, [listing(half)])
    assert "can't be read as a zip file" in refusal(store, ModelDamaged, by_hand(tmp_path, half))


def test_an_archive_with_a_flaw_inside_is_refused(
    root: Path, tmp_path: Path, content: bytes
) -> None:
    flawed = bytearray(content)
    flawed[len(content) // 2] ^= 1
    store = Store(root, [listing(bytes(flawed))])
    archive = by_hand(tmp_path, bytes(flawed))
    assert "can't be read as a zip file" in refusal(store, ModelDamaged, archive)
    assert left(store.root) == []


def test_an_archive_of_something_else_is_refused(root: Path, tmp_path: Path) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as zipped:
        zipped.writestr("holiday/beach.jpg", b"sand")
    store = Store(root, [listing(file.getvalue())])
    archive = by_hand(tmp_path, file.getvalue())
    assert "does not hold the model's files" in refusal(store, ModelDamaged, archive)


# What is installed


@pytest.mark.parametrize("change", ["changed", "deleted", "added"])
def test_a_model_changed_since_is_noticed_and_getting_it_again_mends_it(
    store: Store, change: str
) -> None:
    folder = store.get(NAME)
    model = store.known(NAME)
    assert list(store.check()) == [(model, None)]
    if change == "changed":
        (folder / "conf/model.conf").write_text("noise")
    elif change == "deleted":
        (folder / "conf/model.conf").unlink()
    else:
        (folder / "rescore").mkdir()
        (folder / "rescore/G.fst").write_bytes(b"x")
    with pytest.raises(ModelDamaged, match=r"fetch it again: lowtide models get small-ears"):
        store.first("speech")
    ((_, trouble),) = store.check()
    assert isinstance(trouble, ModelDamaged)
    store.get(NAME)
    assert store.path(model) == folder
    assert left(store.root) == [NAME]


def test_a_try_that_was_killed_while_unpacking_is_cleared_away(store: Store) -> None:
    (store.root / f".{NAME}.new" / "unpacked" / "old").mkdir(parents=True)
    store.get(NAME)
    assert left(store.root) == [NAME]


def test_of_several_the_biggest_hears(root: Path, tmp_path: Path, content: bytes) -> None:
    bigger = packed(lambda zipped: zipped.writestr(f"{NAME}/README", b"more"))
    models = [listing(content), Model(**vars(listing(bigger)) | {"name": "big-ears"})]
    store = Store(root, models)
    store.get(NAME, by_hand(tmp_path, content))
    store.get("big-ears", by_hand(tmp_path, bigger))
    found = store.first("speech")
    assert found
    assert found[0].name == "big-ears"


def test_removed_is_gone(store: Store) -> None:
    store.get(NAME)
    store.remove(NAME)
    assert not store.installed()
    assert left(store.root) == []
    with pytest.raises(ModelMissing, match="is not installed"):
        store.remove(NAME)


def test_what_is_not_here_says_what_to_type(root: Path) -> None:
    store, model = Store(root), catalogue()[0]
    with pytest.raises(ModelMissing, match=f"lowtide models get {model.name}"):
        store.path(model)


def test_an_unknown_name_lists_the_known_ones(root: Path) -> None:
    with pytest.raises(ModelUnknown, match=r"all-MiniLM-L6-v2"):
        Store(root).get("gpt")


# The catalogue itself; its addresses are not asked here


def test_a_model_nobody_verified_is_listed_and_not_installed(root: Path) -> None:
    unverified = [model for model in catalogue() if not model.installable]
    assert unverified
    for model in unverified:
        with pytest.raises(ModelUnverified, match="nobody has verified its SHA-256"):
            Store(root).get(model.name)
    assert not root.exists()


def test_every_listed_model_says_what_it_is() -> None:
    for model in catalogue():
        assert len(model.sha256) in {0, 64}, model.name
        assert model.bytes > 0, model.name
        assert model.licence, model.name
        assert bool(model.url) != bool(model.pypi), f"{model.name}: one address"
        assert Store().known(model.name) == model
    assert Store().known("speech").installable
    assert Store().known("meaning").installable


def test_the_model_for_tests_is_in_no_catalogue_and_never_chosen(root: Path) -> None:
    shutil.copytree(TEST_MODEL, root / TEST_MODEL.name)
    assert TEST_MODEL.name not in {model.name for model in catalogue()}
    assert Store(root).first("speech") is None
