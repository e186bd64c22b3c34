"""What is said to somebody in danger: fixed words in a fixed order, and then company.

`NEXT` is meant to be read by a clinician: after each script it names the script that follows a yes,
a plain no, or anything else that is said. Source: safety.md section 2.
"""

from collections.abc import Collection

from lowtide.intents.flows import Answer, Ask, Flow, WhileSilent, Words

QUESTION: dict[str, str] = {
    "crisis_self_harm": "tier_b_question",
    "unsafe_with_him": "tier_b_question_unsafe",
    "crisis_harm_others": "tier_b_question_harm_others",
}
"""The first words of tier B, one direct question, where the frame names no other."""

CLEAR = {
    "crisis_self_harm": "self_harm_first",
    "unsafe_with_him": "unsafe_first",
    "crisis_harm_others": "harm_others",
}
"""The first words of tier A where the frame names no other."""

MISHEARD = {**QUESTION, "crisis_self_harm": "maybe_misheard"}
"""The first words where only a lesser reading of the recogniser speaks of danger."""

# After …:              a yes               a plain no          anything else
NEXT: dict[str, tuple[str | None, str | None, str | None]] = {
    "tier_b_question": ("self_harm_first", "after_denial", "self_harm_first"),
    "tier_b_question_unsafe": ("unsafe_second", "unsafe_now", None),
    "tier_b_question_harm_others": ("harm_others", "after_denial", "harm_others"),
    "maybe_misheard": ("self_harm_first", "after_denial", None),
    "hyperbole_warm_question": ("self_harm_first", "after_denial", "self_harm_first"),
    "one_more_look": ("self_harm_first", "after_denial", "self_harm_first"),
    "one_more_look_harm_others": ("harm_others", "after_denial", "harm_others"),
    "self_harm_first": ("self_harm_second", "self_harm_nothing_near", "self_harm_second"),
    "self_harm_nothing_near": (None, "refuses_help", None),
    "self_harm_second": (None, "refuses_help", None),
    "self_injury": ("self_harm_first", None, "self_harm_first"),
    "already_acted": (None, "refuses_help", None),
    "unsafe_first": ("unsafe_second", "unsafe_now", None),
    "unsafe_second": ("unsafe_number", None, None),
    "ex_threatens_suicide": (None, "unsafe_now", None),
    "choking": ("unsafe_first", "unsafe_first", "unsafe_first"),
    "sexual_assault": ("unsafe_first", "unsafe_first", "unsafe_first"),
}
"""A script that is not named here is the last: then it is quiet company."""

LOOK_AGAIN_AFTER = 600.0
"""Seconds from the first denial of a night to the one more look; safety.md section 2.1 rule 5."""

LOOK_AGAIN = {"crisis_harm_others": "one_more_look_harm_others"}
"""The one more look where the danger is not the person's own: `one_more_look` otherwise."""

SILENCE = (
    (20.0, "silence_20s"),
    (60.0, "silence_60s"),
    (180.0, "still_here"),
    (360.0, "still_here"),
    (600.0, "still_here"),
    (900.0, "still_here"),
)
"""Seconds of silence after which something is said; safety.md section 2.1 rule 10."""
COMPANY = SILENCE[2:]
"""The same once everything has been said: presence, and the number not a third time."""

OVERHEARD = frozenset(
    {
        "tier_b_question_unsafe",
        "unsafe_first",
        "unsafe_second",
        "unsafe_now",
        "unsafe_number",
        "choking",
        "sexual_assault",
        "ex_threatens_suicide",
    }
)
"""Scripts for somebody who may be overheard: softer, never repeated, and silence is left alone."""
EMERGENCY = frozenset({"already_acted", "medical_emergency"})
"""Scripts after which silence is answered with the emergency number, again and again."""
EMERGENCY_SILENCE = tuple((after, "silence_emergency") for after, _ in SILENCE)


PUT_RIGHT = frozenset(
    {
        "tier_b_question",
        "tier_b_question_harm_others",
        "hyperbole_warm_question",
        "one_more_look",
        "one_more_look_harm_others",
        "harm_others",
    }
)
"""Scripts to which "no, I said call" is a denial: thanked for, and looked at once more."""


def keep_safe(
    script: str | None, say: Words, plain_no: Collection[str], put_right: Collection[str] = ()
) -> Flow:
    """Answer an alarm.

    Args:
        script: The first words, by their name in `_safety.toml`.
        say: The words of a script by its name, numbers filled in.
        plain_no: What a plain no may be, in canonical form; "not tonight" is none.
        put_right: What puts a misheard word right, in canonical form: "no, I said call".
    """
    while script:
        answer = yield Ask((say(script),), while_silent(script, say), script)
        if script in PUT_RIGHT and answer.words in put_right:
            script = "after_denial"
        else:
            script = _next(script, answer, plain_no)


def while_silent(
    script: str, say: Words, *, everything_said: bool = False
) -> tuple[WhileSilent, ...]:
    """What silence brings after a script, and after the last one."""
    if script in OVERHEARD or script == "after_denial":
        return ()  # Words could be overheard; or they were just thanked for, and believed.
    schedule: tuple[tuple[float, str], ...] = COMPANY if everything_said else SILENCE
    if script in EMERGENCY:
        schedule = EMERGENCY_SILENCE
    return tuple(WhileSilent(after, (say(words),)) for after, words in schedule)


def _next(script: str, answer: Answer, plain_no: Collection[str]) -> str | None:
    after_yes, after_no, otherwise = NEXT.get(script, (None, None, None))
    alarmed = answer.heard is not None and answer.heard.alarm is not None
    if not alarmed and answer.words in plain_no:
        return after_no
    if not alarmed and answer.intent == "yes":
        return after_yes
    return otherwise
