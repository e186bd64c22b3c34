"""The journal as one page that needs nothing else: numbers here, words and pictures in report.html.

The pictures are SVG laid out by the template, not by a plotting library: they are squares, dots and
lines, take their colours from the page (so light and dark are one file), keep text as text, and
spare a machine at night 60 MB of matplotlib.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from lowtide.voice.journal import PERIOD, Row, medians, waits

TEMPLATE = Path(__file__).with_name("report.html")
EVENING, MORNING = 20, 8
"""Hours of the clock that the heat map shows at least."""
STEPS = (1, 2, 4, 7)
"""How often something was said in an hour, from which each shade begins."""
MOST_THEMES = 8


@dataclass(frozen=True)
class Hour:
    """One square of the heat map."""

    of_day: int
    """0-23, by the clock."""
    said: int
    """How often something was noted."""
    shade: int
    """0, nothing, to 4."""


@dataclass(frozen=True)
class Night:
    """One night, named by the date of its evening."""

    on: date
    hours: tuple[Hour, ...]
    said: int
    contacts: int


@dataclass(frozen=True)
class Rated:
    """One wait with a number before and after, 0-10."""

    on: date
    before: int
    after: int


@dataclass(frozen=True)
class Theme:
    """What came up, and how often."""

    name: str
    times: int


@dataclass(frozen=True)
class Report:
    """Everything on the page."""

    made: datetime
    nights: tuple[Night, ...]
    """Every night of the period, with or without lowtide."""
    waited: int
    """Urges waited for together until their end."""
    rated: tuple[Rated, ...]
    """Those waits that have both numbers."""
    middle: tuple[float, float] | None
    """Medians before and after."""
    themes: tuple[Theme, ...]

    @property
    def visited(self) -> tuple[Night, ...]:
        """Nights on which anything was noted."""
        return tuple(night for night in self.nights if night.said)

    @property
    def without_contact(self) -> int:
        """Nights on which no contact was noted."""
        return sum(not night.contacts for night in self.nights)

    @property
    def weeks(self) -> tuple[tuple[Night | None, ...], ...]:
        """The nights as a calendar has them, Monday first; None outside the period."""
        cells: list[Night | None] = [None] * self.nights[0].on.weekday() if self.nights else []
        cells += self.nights
        cells += [None] * (-len(cells) % 7)
        return tuple(tuple(cells[start : start + 7]) for start in range(0, len(cells), 7))


def report(
    rows: tuple[Row, ...], now: datetime, themes: Mapping[str, str], nights: int = PERIOD
) -> Report:
    """Reckon the page.

    Args:
        rows: The journal.
        now: By the person's own clock.
        themes: For each intent, what to call it, as packs have it.
        nights: How far back to look; a younger journal gives fewer.
    """
    tonight = Row(now, "", "", None).night
    rows = tuple(row for row in rows if 0 <= (tonight - row.night).days < nights)
    waited = waits(rows)
    came_up = Counter(
        themes[row.about] for row in rows if row.what == "heard" and row.about in themes
    )
    return Report(
        made=now,
        nights=_nights(rows, tonight),
        waited=len(waited),
        rated=tuple(
            Rated(each.end.night, each.before, each.after)
            for each in waited
            if each.before is not None and each.after is not None
        ),
        middle=medians(waited),
        themes=tuple(Theme(*each) for each in came_up.most_common(MOST_THEMES)),
    )


def page(found: Report) -> str:
    """Lay it out as HTML."""
    from jinja2 import Environment, StrictUndefined  # noqa: PLC0415 - only this command

    layout = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return layout.from_string(TEMPLATE.read_text("utf-8")).render(report=found, steps=STEPS)


def _nights(rows: tuple[Row, ...], tonight: date) -> tuple[Night, ...]:
    if not rows:
        return ()
    first = min(row.night for row in rows)
    said = Counter((row.night, row.at.hour) for row in rows)
    contacts = Counter(row.night for row in rows if row.what == "slip")
    hours = _shown(rows)
    every = (first + timedelta(days) for days in range((tonight - first).days + 1))
    return tuple(
        Night(
            on,
            tuple(Hour(hour, said[on, hour], _shade(said[on, hour])) for hour in hours),
            sum(said[on, hour] for hour in hours),
            contacts[on],
        )
        for on in every
    )


def _shown(rows: tuple[Row, ...]) -> tuple[int, ...]:
    """The hours of the clock to show, in the order of a night from noon to noon."""
    places = [(row.at.hour - 12) % 24 for row in rows]
    first = min((EVENING - 12) % 24, *places)
    last = max((MORNING - 13) % 24, *places)
    return tuple((place + 12) % 24 for place in range(first, last + 1))


def _shade(said: int) -> int:
    return sum(said >= step for step in STEPS)
