"""How we speak at this moment: pace and loudness, by what was asked, by night and by the speaker.

    night mode   0 s             100 s    200 s    300 s, then held
    pace         100 %           97 %     93 %     90 %
    loudness     -3 dB ........................... -6 dB, and up to 6 dB less for a soft speaker

"Louder" and "faster" win: from then on the night takes nothing away until it is asked for again.
"""

from dataclasses import replace

from lowtide.intents.acts import BEFORE_ACTION, Say

PACE = 135
"""Words per minute; safety.md section 1.2: 130 to 140 at night."""
PACE_STEP = 1.15
SLOWEST, FASTEST = 90, 190
"""Words per minute; safety.md section 1.2."""
GAIN_STEP = 3.0
QUIETEST, LOUDEST = -18.0, 12.0
"""dB relative to the loudness prompts are made for."""

SETTLING = 300.0
"""Seconds in which night mode falls, to hold then; safety.md section 1.2, prosody [S37]."""
SETTLED_PACE = 0.9
SETTLED_GAIN = -3.0
PACE_STEPS = 3
"""Each pace is a rendering of its own in the cache, so it falls in steps."""
NIGHT_GAIN = -3.0
"""dB at once in night mode."""

USUAL_SPEECH, SOFT_SPEECH = -30.0, -45.0
"""dBFS of an utterance: from the first downward we grow softer, at the second by `MOST_SOFTER`.
Measured on 130 recordings of people (read speech, conversation, commands): 95 in 100 lie above -30;
whispering near -47 is reported in voice.md (VoiceInk issue 639)."""
MOST_SOFTER = -6.0
"""dB."""
SMOOTHING = 0.5
"""Weight of the newest utterance: one murmured word does not make us vanish."""


class Delivery:
    """Pace and loudness of one session."""

    def __init__(self) -> None:
        self._pace = float(PACE)
        self._gain = 0.0
        self._now = 0.0
        self._night_since: float | None = None
        self._slows = self._softens = True
        self._softness = 0.0

    @property
    def pace(self) -> int:
        """Words per minute now."""
        return _bounded_pace(self._pace * self._night_pace)

    @property
    def steady_pace(self) -> int:
        """Words per minute without the night's slowing: what is rendered ahead for danger."""
        return _bounded_pace(self._pace)

    @property
    def gain(self) -> float:
        """DB now, relative to the loudness prompts are made for."""
        return min(max(self._gain + self._night_gain, QUIETEST), LOUDEST)

    def pass_time(self, now: float, *, night: bool) -> None:
        """It is `now`; the night is noticed when it begins, and ends only when that is asked."""
        self._now = now
        if night and self._night_since is None:
            self._night_since = now

    def choose_night(self, *, on: bool) -> None:
        """Night mode was asked for, and may soften and slow anew; or it was switched off."""
        self._night_since = self._now if on else None
        self._slows = self._softens = True

    def hear(self, loudness: float | None) -> None:
        """An utterance was so loud (dBFS); None is unknown."""
        if loudness is None:
            return
        under = (USUAL_SPEECH - loudness) / (USUAL_SPEECH - SOFT_SPEECH)
        target = MOST_SOFTER * min(max(under, 0.0), 1.0)
        self._softness += SMOOTHING * (target - self._softness)

    def louder(self, step: float) -> bool:
        """Speak louder by so many dB, or softer; false at the end of the range."""
        before, wanted = self.gain, min(max(self.gain + step, QUIETEST), LOUDEST)
        if wanted == before:
            return False
        self._softens = self._softens and step < 0
        self._gain = wanted - self._night_gain
        return True

    def faster(self, factor: float) -> bool:
        """Speak faster by a factor, or slower; false at the end of the range."""
        before, wanted = self.pace, _bounded_pace(self.pace * factor)
        if wanted == before:
            return False
        self._slows = self._slows and factor < 1
        self._pace = wanted / self._night_pace
        return True

    @property
    def _settled(self) -> float:
        """How far the night has come down, 0 to 1."""
        if self._night_since is None:
            return 0.0
        return min((self._now - self._night_since) / SETTLING, 1.0)

    @property
    def _night_pace(self) -> float:
        steps = int(self._settled * PACE_STEPS) / PACE_STEPS
        return 1.0 - (1.0 - SETTLED_PACE) * steps if self._slows else 1.0

    @property
    def _night_gain(self) -> float:
        if self._night_since is None or not self._softens:
            return 0.0
        return NIGHT_GAIN + SETTLED_GAIN * self._settled + self._softness


def _bounded_pace(pace: float) -> int:
    return round(min(max(pace, SLOWEST), FASTEST))


def together(first: Say, second: Say) -> Say:
    """Two things to say as one, with a pause between them."""
    opening, *rest = second.parts
    parts = (*first.parts, replace(opening, pause=BEFORE_ACTION), *rest)
    return replace(first, parts=parts, offers=second.offers)
