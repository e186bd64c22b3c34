"""What a person may choose for themselves, asked once, one short question at a time.

Every question may be passed over: by "skip", by "no", or by silence. What a recogniser may have got
wrong is read back, and kept only after a "yes".
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass

from lowtide.intents.acts import Act, Say, Set
from lowtide.intents.delivery import together
from lowtide.intents.events import Change
from lowtide.intents.flows import Answer, Ask, Flow, Until, Words
from lowtide.intents.settings import SettingPhrases, surest

FOR_AN_ANSWER = 15.0
"""Seconds of silence after which a question is passed over."""
TRIES = 3
"""Answers to one question that are listened to."""


@dataclass(frozen=True)
class _Question:
    """One thing to choose."""

    name: str
    """Its lines are `setup_<name>`, `_again` and `_skipped`."""
    keys: frozenset[str]
    """Settings it is about."""
    reads: Callable[[str], Change | None]
    """What an answer sets, None when it can't be read."""


def set_up(words: Words, phrases: SettingPhrases) -> Flow:
    """Ask everything once, and say at the end where it is kept."""
    said = words("setup_begin")
    kept: tuple[Set, ...] = ()
    for question in (
        _Question("country", frozenset({"country"}), phrases.country),
        _Question("ex", frozenset({"ex_name", "ex_word"}), phrases.ex),
        _Question("own_name", frozenset({"own_name"}), phrases.own_name),
        _Question("patience", frozenset({"patience"}), phrases.patience),
        _Question("plan", frozenset({"plan"}), phrases.plan),
        _Question("journal", frozenset({"journal"}), phrases.agreed),
    ):
        opening: tuple[Act, ...] = (*kept, together(said, words(f"setup_{question.name}")))
        change = yield from _chosen(question, opening, words, phrases)
        kept = (Set(change.key, change.value),) if change else ()
        said = _answered(words, change) if change else words(f"setup_{question.name}_skipped")
    yield Until((*kept, together(said, words("setup_end"))), 0.0)


def confirm(words: Words, change: Change) -> Flow:
    """Ask whether a change is meant, and make it only then."""
    answer = yield Ask((words(f"check_{change.key}", said=change.said),), within=FOR_AN_ANSWER)
    if answer.intent == "yes":
        yield Until((Set(change.key, change.value), _answered(words, change)), 0.0)


def _chosen(
    question: _Question, opening: tuple[Act, ...], words: Words, phrases: SettingPhrases
) -> Generator[Ask | Until, Answer, Change | None]:
    """What was chosen, or None when the question was passed over."""
    answer = yield Ask(opening, within=FOR_AN_ANSWER, name=question.name)
    for _ in range(TRIES):
        change = _read(question, answer)
        if change is not None and not change.ask:
            return change
        if answer.heard is None or any(phrases.answers("skip", each) for each in answer.readings):
            return None
        if change is not None:
            check = words(f"check_{change.key}", said=change.said)
            answer = yield Ask((check,), within=FOR_AN_ANSWER, name=question.name)
            if answer.intent == "yes":
                return change
            if answer.heard is None or _read(question, answer):
                continue
        again = words(f"setup_{question.name}_again")
        answer = yield Ask((again,), within=FOR_AN_ANSWER, name=question.name)
    return None


def _read(question: _Question, answer: Answer) -> Change | None:
    wish = answer.heard.change if answer.heard else None
    if wish is not None and wish.key in question.keys:
        return wish
    return surest(question.reads(each) for each in answer.readings)


def _answered(words: Words, change: Change) -> Say:
    return words(change.line, said=change.said)
