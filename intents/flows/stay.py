"""Company while a wave goes by: 10 to 30 minutes, a rating before and after, quieter check-ins."""

from lowtide.intents.acts import Act, Note
from lowtide.intents.flows import Ask, Flow, Until, Words
from lowtide.intents.numbers import rating

DEFAULT_MINUTES = 20
CHECK_INS = (2, 5, 10, 15, 20)
"""Minutes; safety.md section 1.2, wait it out."""
SOFTER_EACH_TIME = 1.5
"""dB; five check-ins fall by the 6 dB between a spoken and a murmured word."""
FOR_A_NUMBER = 60.0
"""Seconds to wait for a rating; none is fine."""
BEFORE_OFFERING = 6.0
"""Seconds of silence after the answer to an urge before company is offered."""
REFUSED = frozenset({"no"})


def stay_with_me(words: Words, minutes: int = DEFAULT_MINUTES) -> Flow:
    """Stay so many minutes; every check-in can be refused by a "no"."""
    answer = yield Ask((words("stay_how_strong"),), within=FOR_A_NUMBER)
    before, began = rating(answer.text), answer.at
    acts: tuple[Act, ...] = (words("stay_begin"), Note("rated_before", "stay_with_me", before))
    for number, minute in enumerate(each for each in CHECK_INS if each < minutes):
        answer = yield Until(acts, began + minute * 60 - answer.at, REFUSED)
        if answer.intent == "no":
            acts = (words("stay_no_more_check_ins"),)
            break
        acts = (words("stay_check_in", softer=SOFTER_EACH_TIME * (number + 1)),)
    yield Until(acts, began + minutes * 60 - answer.at)
    after = rating((yield Ask((words("stay_how_strong_now"),), within=FOR_A_NUMBER)).text)
    noted = Note("rated_after", "stay_with_me", after)
    yield Until((words(_change(before, after)), noted), 0.0)


def offer_company(reply: tuple[Act, ...], words: Words) -> Flow:
    """Answer an urge, and into the silence after it offer to wait together."""
    answer = yield Ask(reply, within=BEFORE_OFFERING)
    if answer.heard is not None:
        return
    answer = yield Ask((words("stay_offer"),), name="stay_offer")
    if answer.intent == "yes":
        yield from stay_with_me(words, minutes=10)


def _change(before: int | None, after: int | None) -> str:
    if before is None or after is None:
        return "stay_over"
    if after < before:
        return "stay_eased"
    return "stay_the_same" if after == before else "stay_stronger"
