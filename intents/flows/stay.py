"""Company while a wave goes by: 10 to 30 minutes, a rating before and after, quieter check-ins.

How long is the person's to say, at the beginning or in the middle: "stay for half an hour".
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass

from lowtide.intents.acts import Act, Note
from lowtide.intents.delivery import together
from lowtide.intents.events import Understanding
from lowtide.intents.flows import Answer, Ask, Flow, Until, Words
from lowtide.intents.numbers import minutes as minutes_in
from lowtide.intents.numbers import only_rating, rating
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
AFTER_TALK = 20.0
"""Seconds without a word after which we speak unasked: a check-in breaks into nothing."""
LATE = 180.0
"""Seconds in which a number still counts that comes after we stopped waiting for one."""
COMPARED = {"lower": "stay_eased", "same": "stay_the_same", "higher": "stay_stronger"}
"""What it is beside before, where no number comes, and the line that says it."""
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


@dataclass
class _Wait:
    """What is known of one wait by now."""

    words: Words
    answers: Mapping[str, Collection[str]]
    minutes: int
    began: float = 0.0
    before: int | None = None
    softer: float = 0.0
    """dB that the signs of presence have come down."""

    def change(self, answer: Answer) -> str:
        """The line for what has become of it, in words or by the numbers."""
        for each, line in COMPARED.items():
            if answer.words in self.answers[each]:
                return line
        after = rating(answer.text)
        if self.before is None or after is None:
            return "stay_over"
        if after < self.before:
            return "stay_eased"
        return "stay_the_same" if after == self.before else "stay_stronger"

    def tells(self, heard: Understanding) -> bool:
        """Whether these words say how strong it is, and hardly anything else."""
        compared = any(canonical(heard.text) in self.answers[each] for each in COMPARED)
        return compared or _number(heard) is not None

    def length_named(self, answer: Answer) -> int | None:
        """The minutes that are wished for in the middle of so many."""
        if answer.words in self.answers["longer"]:
            return next((each for each in LENGTHS if each > self.minutes), LENGTHS[-1])
        if answer.words in self.answers["shorter"]:
            return max((each for each in LENGTHS if each < self.minutes), default=LENGTHS[0])
        return length(answer.text)


def stay_with_me(
    words: Words,
    answers: Mapping[str, Collection[str]],
    strong: Callable[[], tuple[Act, ...]],
    named: int | None,
    usual: int = DEFAULT_MINUTES,
) -> Flow:
    """Stay so many minutes; every check-in can be refused by a "no".

    Args:
        words: The lines.
        answers: Words, in canonical form, for a "longer" or "shorter" wait, and for how strong it
            is beside before: "lower", "same", "higher".
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
    wait = _Wait(words, answers, named or usual, answer.at, rating(answer.text))
    acts: tuple[Act, ...] = (words("stay_begin"), _noted("rated_before", wait.before))
    if wait.before is not None and wait.before >= STRONG:
        acts = (*acts, *strong())
    yield from _waited(wait, acts)
    yield from _ended(wait)


def _waited(wait: _Wait, acts: tuple[Act, ...]) -> Flow:
    """Be there until the time is over, and take what is said of the wait itself."""

    def meant_for_us(heard: Understanding) -> bool:
        said, answers = canonical(heard.text), wait.answers
        manner = any(said in answers[each] for each in ("longer", "shorter", "how_long"))
        return manner or wait.tells(heard) or _names_minutes(heard) or done(heard)

    def done(heard: Understanding) -> bool:
        return heard.intent == "done_venting" or canonical(heard.text) in wait.answers["done"]

    check_ins = [wait.began + minute * 60 for minute in CHECK_INS]
    now = wait.began
    while True:
        ends = wait.began + wait.minutes * 60
        check_ins = [each for each in check_ins if now < each < ends]
        due = max((check_ins[0] if check_ins else ends) - now, 0.0)
        answer = yield Until(acts, due, REFUSED, takes=meant_for_us, after_quiet=AFTER_TALK)
        now = answer.at
        if done(answer.heard) if answer.heard else not check_ins:
            return
        if answer.heard is None:
            wait.softer += SOFTER_EACH_TIME
            acts = (wait.words("stay_check_in", softer=wait.softer),)
        elif answer.intent == "no":
            check_ins, acts = [], (wait.words("stay_no_more_check_ins"),)
        elif wait.tells(answer.heard):
            acts = _told_meanwhile(wait, answer)
        elif answer.words in wait.answers["how_long"]:
            left = max(round((ends - now) / 60), 2)
            acts = (wait.words("stay_left", softer=wait.softer, minutes=left),)
        elif chosen := wait.length_named(answer):
            # What is named counts from now; what is only "longer" counts from the beginning.
            wait.began = answer.at if length(answer.text) else wait.began
            wait.minutes, acts = chosen, (wait.words("stay_minutes", minutes=chosen),)


def _told_meanwhile(wait: _Wait, answer: Answer) -> tuple[Act, ...]:
    """How strong it is, said unasked; it stands for the first number if there was none."""
    number = rating(answer.text)
    if number is None:
        return (wait.words(wait.change(answer), softer=wait.softer),)
    said = wait.words("stay_number", softer=wait.softer, number=number)
    if wait.before is not None:
        return (said,)
    wait.before = number
    return (said, _noted("rated_before", number))


def _ended(wait: _Wait) -> Flow:
    """Ask once more, and say what has become of it; a number may come late."""
    question = wait.words("stay_how_strong_now", softer=wait.softer)
    answer = yield Ask((question,), within=FOR_A_NUMBER, takes=wait.tells)
    change, after = wait.change(answer), rating(answer.text)
    late = LATE if change == "stay_over" and after is None else 0.0
    acts = (wait.words(change, softer=wait.softer), _noted("rated_after", after))
    answer = yield Until(acts, late, takes=wait.tells)
    if answer.heard is not None:
        said = wait.words(wait.change(answer), softer=wait.softer)
        yield Until((said, _noted("rated_after", rating(answer.text))), 0.0)


def _noted(what: str, number: int | None) -> Note:
    return Note(what, "stay_with_me", number)


def _number(heard: Understanding) -> int | None:
    return only_rating(heard.text) if heard.intent == "none" else None


def offer_company(
    reply: tuple[Act, ...],
    words: Words,
    answers: Mapping[str, Collection[str]],
    strong: Callable[[], tuple[Act, ...]],
) -> Flow:
    """Answer an urge, and into the silence after it offer to wait together."""
    answer = yield Ask(reply, within=BEFORE_OFFERING)
    if answer.heard is not None and answer.intent != "yes":
        return  # An "okay" to what we said is no end of it.
    answer = yield Ask((words("stay_offer"),), name="stay_offer", takes=_names_minutes)
    if answer.intent == "yes" or length(answer.text):
        yield from stay_with_me(words, answers, strong, length(answer.text), OFFERED_MINUTES)


def _names_minutes(heard: Understanding) -> bool:
    words = canonical(heard.text).split()
    wish = heard.intent == "stay_with_me" or (len(words) <= WISH_WORDS and "ago" not in words)
    return wish and length(heard.text) is not None
