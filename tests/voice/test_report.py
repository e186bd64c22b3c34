"""The page about a month: what it says, that it is whole, and that it can be seen."""

import os
import random
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta, timezone
from html.parser import HTMLParser
from pathlib import Path

import html5lib
import numpy as np
import pytest
from PIL import Image

from lowtide.intents.acts import Note
from lowtide.intents.pack import load
from lowtide.voice.journal import Journal, write_private
from lowtide.voice.report import Report, page, report

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --hide-scrollbars "
    "--disable-background-networking --disable-component-update --disable-sync"
).split()
DARK = "--blink-settings=preferredColorScheme=0"
TALL = 3400
"""Pixels that hold the whole page on a phone, so that its end is seen too."""
ZONE = timezone(timedelta(hours=1))
MORNING_AFTER = datetime(2026, 10, 31, 9, 30, tzinfo=ZONE)
HEARD = (
    "i_miss_him want_to_call_him want_to_call_him does_he_miss_me i_feel_lonely i_miss_him none "
    "i_cant_stop_thinking why_is_he_silent i_blame_myself want_to_check_on_him i_feel_angry"
).split()
THEMES = {each.id: each.theme for each in load().intents.values() if each.theme}


def night(journal: Journal, evening: datetime, chance: random.Random, *, contact: bool) -> None:
    """One night with lowtide: some talk, on two nights of three an urge waited for."""
    at = evening + timedelta(minutes=chance.randrange(0, 240))
    for _ in range(chance.randrange(2, 9)):
        journal.note(at, Note("heard", chance.choice(HEARD)))
        at += timedelta(minutes=chance.randrange(1, 25))
    if chance.random() < 0.67:
        before = chance.randrange(5, 11)
        journal.note(at, Note("rated_before", "stay_with_me", before))
        at += timedelta(minutes=20)
        after = max(0, min(10, before - chance.randrange(-1, 6)))
        journal.note(at, Note("rated_after", "stay_with_me", after))
    if contact:
        journal.note(at, Note("slip", "i_contacted_him"))


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Report]:
    """Nights from 2 to 30 October, two of them with contact, through the real journal."""
    chance = random.Random(7)  # noqa: S311 - the same month each time
    first = datetime(2026, 10, 2, 22, 0, tzinfo=ZONE)
    with closing(Journal(tmp_path_factory.mktemp("month") / "journal.sqlite")) as journal:
        for number in range(29):
            if number in {5, 6, 13, 20, 21, 22}:  # Slept, or managed without.
                continue
            evening = first + timedelta(days=number)
            night(journal, evening, chance, contact=number in {11, 24})
        yield report(journal.rows(), MORNING_AFTER, THEMES)


@pytest.fixture(scope="module")
def html(month: Report, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "out.html"
    write_private(path, page(month))
    return path


class Text(HTMLParser):
    """What a person reads of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self._parts: list[str] = []
        self._hidden = 0
        self.feed(source)
        self.read = " ".join(" ".join(self._parts).split())

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - the parser gives it
        self._hidden += tag == "style"

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._parts.append(data)


def read(source: str) -> str:
    return Text(source).read


# What it says


def test_the_numbers_of_the_month_are_on_the_page(month: Report, html: Path) -> None:
    text = read(html.read_text("utf-8"))
    assert month.middle is not None
    before, after = month.middle
    assert "night of 2 October 2026 to the night of 30 October 2026" in text
    assert "with lowtide 23 of 29 nights" in text
    assert "without contact noted 27 of 29 nights" in text
    assert f"{len(month.rated)} waits have a number at both ends" in text
    assert f"The middle number was {before:g} before, and {after:g} after" in text
    assert f"{month.themes[0].name} {month.themes[0].times}" in text
    assert "2 contacts were noted, on 2 nights" in text


def test_behind_each_picture_stands_a_table_with_its_numbers(month: Report, html: Path) -> None:
    tree = html5lib.parse(html.read_text("utf-8"), namespaceHTMLElements=False)
    tables = {"".join(each.find("caption").itertext()): each for each in tree.iter("table")}
    rows = {
        caption: [["".join(cell.itertext()) for cell in row] for row in table.find("tbody")]
        for caption, table in tables.items()
    }
    hours, urges, themes, contact = rows.values()
    assert [int(row[2]) for row in hours] == [night.said for night in month.visited]
    assert [(int(row[1]), int(row[2])) for row in urges] == [
        (wait.before, wait.after) for wait in month.rated
    ]
    assert [(row[0], int(row[1])) for row in themes] == [
        (theme.name, theme.times) for theme in month.themes
    ]
    assert contact == [["Tue 13 Oct", "1"], ["Mon 26 Oct", "1"]]
    for table in tables.values():
        assert all(head.get("scope") in {"col", "row"} for head in table.iter("th"))


def test_a_contact_takes_nothing_from_the_other_nights(month: Report) -> None:
    assert month.without_contact == 27
    assert [night.on.day for night in month.nights if night.contacts] == [13, 26]


def test_no_word_praises_judges_or_starts_over(html: Path) -> None:
    text = read(html.read_text("utf-8")).lower()
    for word in (
        "streak reset relapse fail slip back zero day strong weak great proud well better worse "
        "improve progress should must just move"
    ).split():
        assert not re.search(rf"\b{word}", text), word
    assert "!" not in text


def test_danger_never_comes_onto_the_page(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        for intent in ("crisis_self_harm", "unsafe_with_him", "crisis_harm_others"):
            journal.note(MORNING_AFTER, Note("heard", intent))
        found = report(journal.rows(), MORNING_AFTER, THEMES)
    assert found.nights == ()
    assert "Nothing has been noted yet" in page(found)


def test_a_journal_begun_tonight_gives_a_page_too(tmp_path: Path) -> None:
    with closing(Journal(tmp_path / "journal.sqlite")) as journal:
        journal.note(MORNING_AFTER, Note("heard", "i_miss_him"))
        text = read(page(report(journal.rows(), MORNING_AFTER, THEMES)))
    assert "No contact was noted on this night" in text
    assert "No wait has a number at both ends" in text
    assert "missing someone 1" in text


# That it is whole


def test_it_is_valid_html_and_needs_no_network_and_no_script(html: Path) -> None:
    source = html.read_text("utf-8")
    html5lib.HTMLParser(strict=True).parse(source)
    assert not re.search(r"https?:|//\w|<script|<link|<img|@import|url\(|\bsrc=|\bhref=", source)


def test_a_screen_reader_finds_headings_and_a_name_for_every_picture(html: Path) -> None:
    tree = html5lib.parse(html.read_text("utf-8"), namespaceHTMLElements=False)
    ids = {each.get("id"): each for each in tree.iter() if each.get("id")}
    headings = [each.tag for each in tree.iter() if re.fullmatch("h[1-6]", str(each.tag))]
    assert tree.get("lang") == "en"
    assert headings == ["h1", *["h2"] * 5]
    pictures = [each for each in tree.iter() if str(each.tag).endswith("svg")]
    for picture in pictures:
        if picture.get("aria-hidden") != "true":
            names = picture.get("aria-labelledby").split()
            assert picture.get("role") == "img"
            assert all("".join(ids[name].itertext()).strip() for name in names)


# That it can be seen


@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [("light", 900, False), ("dark", 900, True), ("phone", 360, False)],
)
def test_it_can_be_seen(
    html: Path, tmp_path: Path, needs: Callable[..., None], name: str, width: int, *, dark: bool
) -> None:
    needs("chromium", here=CHROMIUM is not None)
    pixels = photographed(html, tmp_path, width, dark=dark)
    if keep := os.environ.get("LOWTIDE_SCREENSHOTS"):
        Path(keep).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(Path(keep) / f"{name}.png")
    background = int(np.median(pixels.mean(axis=2)))
    assert (background < 80) if dark else (background > 200)
    assert np.count_nonzero(np.abs(pixels.mean(axis=2) - background) > 40) > pixels.shape[0] * 10
    # Nothing runs over the right edge: its last columns are empty.
    assert np.ptp(pixels[:, -6:].astype(int), axis=(0, 1)).max() <= 2


def photographed(html: Path, folder: Path, width: int, *, dark: bool) -> np.ndarray:
    """The page in headless Chromium, in a frame, because no window is as narrow as a phone."""
    frame, picture = folder / "frame.html", folder / "shot.png"
    frame.write_text(
        f'<meta name="color-scheme" content="light dark"><body style="margin:0">'
        f'<iframe src="{html}" style="border:0;width:{width}px;height:{TALL}px"></iframe>'
    )
    command = [CHROMIUM, *FLAGS, *[DARK] * dark, f"--user-data-dir={folder / 'profile'}"]
    command += [f"--screenshot={picture}", f"--window-size=1000,{TALL}", frame.as_uri()]
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    return np.asarray(Image.open(picture).convert("RGB"))[:, :width]
