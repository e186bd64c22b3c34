"""How old the numbers are: what was verified too long ago is not spoken any more."""

from dataclasses import replace
from datetime import date

from lowtide.intents.pack import Helpline, Pack, PackInvalid

CHECK_AGAIN_AFTER, OUTDATED_AFTER = 180, 365
"""Days since a number was verified: then doctor warns, then it is not spoken; safety.md 2.8."""


def as_of(pack: Pack, today: date) -> Pack:
    """The pack with the numbers that may be spoken on this day.

    Raises:
        PackInvalid: A day is none.
    """
    lines = [replace(each, speak=each.speak and not outdated(each, today))
             for each in pack.helplines]  # fmt: skip
    return replace(pack, helplines=tuple(lines))


def outdated(line: Helpline, today: date) -> bool:
    """Whether a number was verified too long ago; an emergency number does not grow old."""
    age = days_old(line, today)
    return age is not None and age > OUTDATED_AFTER and line.kind != "emergency"


def days_old(line: Helpline, today: date) -> int | None:
    """Days since it was verified; None for a candidate that nobody has verified."""
    if not line.verified_on:
        return None
    try:
        return (today - date.fromisoformat(line.verified_on)).days
    except ValueError as error:
        raise PackInvalid(
            f"_helplines.toml: {line.country}, {line.service}: verified_on: {error}."
        ) from error
