"""Company while a wave goes by: 10 to 30 minutes, a rating before and after, quieter check-ins.

How long is the person's to say, at the beginning or in the middle: "stay for half an hour".
"""

from collections.abc import Callable

from lowtide.intents.acts import Act, Note
from lowtide.intents.delivery import together
from lowtide.intents.events import Understanding
from lowtide.intents.flows import Ask, Flow, Until, Words
from lowtide.intents.numbers import minutes as minutes_in
from lowtide.intents.numbers import rating
from lowtide.intents.text import canonical

LENGTHS = (10, 20, 30)
"""Minutes that can be chosen; what is named becomes the next longer one, 30 at most."""
OFFERED_MINUTES, DEFAULT_MINUTES = 10, 20
CHECK_INS = (2, 5, 10, 15, 20)
"""Minutes; safety.md section 1.2, wait it out."""
SOFTER_EACH_TIME = 1.5
"""dB; five check-ins fall by the 6 dB between a spoken and a murmured word."""
FOR_A_NUMBER = 60.0
"""Seconds to wait for a rating; none is fine."""
WISH_WORDS = 5
"""Words of a wish such as "make it half an hour"; in longer sentences minutes are told of."""
STRONG = 8
"""Rating from which it is a hard moment."""
BEFORE_OFFERING = 6.0
"""Seconds of silence after the answer to an urge before company is offered."""
REFUSED = frozenset({"no"})


def length(text: str) -> int | None:
    """The minutes of `LENGTHS` that these words choose, or None."""
    named = minutes_in(text)
    if named is None or named < 2:
        return None
    return next((each for each in LENGTHS if named <= each), LENGTHS[-1])


def stay_with_me(
    words: Words,
    strong: Callable[[], tuple[Act, ...]],
    named: int | None,
    usual: int = DEFAULT_MINUTES,
) -> Flow:
    """Stay so many minutes; every check-in can be refused by a "no".

    Args:
        words: The lines.
        strong: What else is done when the number is high.
        named: Minutes that were asked for, and so are said back; None if none were.
        usual: Minutes where none are named.
    """
    question = words("stay_how_strong")
    if named:
        question = together(words("stay_minutes", minutes=named), question)
    answer = yield Ask((question,), within=FOR_A_NUMBER, takes=_names_minutes)
    while chosen := length(answer.text):
        named = chosen
        question = together(words("stay_minutes", minutes=chosen), words("stay_how_strong"))
        answer = yield Ask((question,), within=FOR_A_NUMBER, takes=_names_minutes)
    before, began = rating(answer.text), answer.at
    ends = began + (named or usual) * 60
    check_ins = [began + minute * 60 for minute in CHECK_INS]
    softer = 0.0
    acts: tuple[Act, ...] = (words("stay_begin"), Note("rated_before", "stay_with_me", before))
    if before is not None and before >= STRONG:
        acts = (*acts, *strong())
    while True:
        check_ins = [each for each in check_ins if answer.at < each < ends]
        due = check_ins[0] if check_ins else ends
        answer = yield Until(acts, due - answer.at, REFUSED, takes=_names_minutes)
        if chosen := length(answer.text):
            ends, acts = answer.at + chosen * 60, (words("stay_minutes", minutes=chosen),)
        elif answer.intent == "no":
            check_ins, acts = [], (words("stay_no_more_check_ins"),)
        elif not check_ins:
            break
        else:
            softer += SOFTER_EACH_TIME
            acts = (words("stay_check_in", softer=softer),)
    after = rating((yield Ask((words("stay_how_strong_now"),), within=FOR_A_NUMBER)).text)
    noted = Note("rated_after", "stay_with_me", after)
    yield Until((words(_change(before, after)), noted), 0.0)


def offer_company(
    reply: tuple[Act, ...], words: Words, strong: Callable[[], tuple[Act, ...]]
) -> Flow:
    """Answer an urge, and into the silence after it offer to wait together."""
    answer = yield Ask(reply, within=BEFORE_OFFERING)
    if answer.heard is not None and answer.intent != "yes":
        return  # An "okay" to what we said is no end of it.
    answer = yield Ask((words("stay_offer"),), name="stay_offer", takes=_names_minutes)
    if answer.intent == "yes" or length(answer.text):
        yield from stay_with_me(words, strong, length(answer.text), OFFERED_MINUTES)


def _names_minutes(heard: Understanding) -> bool:
    words = canonical(heard.text).split()
    wish = heard.intent == "stay_with_me" or (len(words) <= WISH_WORDS and "ago" not in words)
    return wish and length(heard.text) is not None


def _change(before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return "stay_over"
    if after < before:
        return "stay_eased"
    return "stay_the_same" if after == before else "stay_stronger"
