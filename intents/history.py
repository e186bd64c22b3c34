"""What a journal says of the last weeks, as plain numbers to speak from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class History:
    """The last 30 nights. A night lasts from noon to noon: 2 a.m. belongs to the evening before."""

    nights: int
    """Nights on which anything was noted."""
    ridden_out: int
    """Urges waited for together until the end."""
    median_before: float | None
    """0-10, of those waits that have a rating at both ends; None without any."""
    median_after: float | None
    """0-10, of the same waits."""
    slips: int
    nights_since_slip: int | None
    """Nights since the last slip ever noted; 0 is tonight, None is never."""
