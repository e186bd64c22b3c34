"""What a person may choose for themselves, asked once, one short question at a time.

Every question may be passed over: by "skip", by "no", or by silence. What a recogniser may have got
wrong is read back, and kept only after a "yes".
"""

from collections.abc import Callable, Collection, Generator
from dataclasses import dataclass

from lowtide.intents.acts import Act, KeepRecording, Say, Set
from lowtide.intents.delivery import together
from lowtide.intents.events import Change
from lowtide.intents.flows import Answer, Ask, Flow, Until, Words
from lowtide.intents.flows.recording import all_but_stop, record
from lowtide.intents.settings import SettingPhrases, surest

FOR_AN_ANSWER = 15.0
"""Seconds of silence after which a question is passed over."""
TRIES = 3
"""Answers to one question that are listened to."""

SoundFile = Callable[[str], str | None]
"""The sound file that these words name, None where there is no such thing."""


@dataclass(frozen=True)
class _Question:
    """One thing to choose."""

    name: str
    """Its lines are `setup_<name>`, `_again` and `_skipped`."""
    keys: frozenset[str]
    """Settings it is about."""
    reads: Callable[[str], Change | None]
    """What an answer sets, None when it can't be read."""


def set_up(
    words: Words,
    phrases: SettingPhrases,
    keep: Collection[str] = (),
    sound_file: SoundFile | None = None,
) -> Flow:
    """Ask everything once, and say at the end where it is kept.

    Args:
        words: The lines.
        phrases: What is understood as an answer.
        keep: Words that keep a recording, in canonical form; without any none is made.
        sound_file: Finds one that is named, where nothing can be recorded; without it, and without
            `keep`, no recording is asked for.
    """
    kept: tuple[Set, ...] = ()
    questions = (
        _Question("country", frozenset({"country"}), phrases.country),
        _Question("ex", frozenset({"ex_name", "ex_word"}), phrases.ex),
        _Question("own_name", frozenset({"own_name"}), phrases.own_name),
        _Question("patience", frozenset({"patience"}), phrases.patience),
        _Question("plan", frozenset({"plan"}), phrases.plan),
        _Question("journal", frozenset({"journal"}), phrases.agreed),
    )
    asks = bool(keep) or sound_file is not None
    said = words("setup_begin", count=len(questions) + asks)
    for question in questions:
        opening: tuple[Act, ...] = (*kept, together(said, words(f"setup_{question.name}")))
        change = yield from _chosen(question, opening, words, phrases)
        kept = (Set(change.key, change.value),) if change else ()
        said = _answered(words, change) if change else words(f"setup_{question.name}_skipped")
    if asks:
        offer = words("setup_file" if sound_file else "setup_recording")
        asked: tuple[Act, ...] = (*kept, together(said, offer))
        kept, said = (), words("setup_recording_skipped")
        there = yield from (
            _named(asked, words, phrases, sound_file) if sound_file else _made(asked, words, keep)
        )
        if there:
            when = _Question("recording_when", frozenset({"recording_when"}), phrases.moment)
            change = yield from _chosen(when, (words("setup_recording_when"),), words, phrases)
            kept = (Set(change.key, change.value),) if change else ()
            said = _answered(words, change) if change else words("setup_recording_when_skipped")
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


def _made(
    asked: tuple[Act, ...], words: Words, keep: Collection[str]
) -> Generator[Ask | Until, Answer, bool]:
    """Offer to record a message; whether there is one now."""
    answer = yield Ask(asked, within=FOR_AN_ANSWER, name="recording")
    return answer.intent == "yes" and (yield from record(words, keep))


def _named(
    asked: tuple[Act, ...], words: Words, phrases: SettingPhrases, sound_file: SoundFile
) -> Generator[Ask | Until, Answer, bool]:
    """Ask for a sound file; whether there is one now."""
    for _ in range(TRIES):
        answer = yield Ask(asked, within=FOR_AN_ANSWER, name="recording", takes=all_but_stop)
        if answer.heard is None or phrases.answers("skip", answer.text):
            break
        if file := sound_file(answer.text):
            yield Until((KeepRecording(file), words("setup_file_kept")), 0.0)
            return True
        asked = (words("setup_file_again"),)
    return False


def _read(question: _Question, answer: Answer) -> Change | None:
    wish = answer.heard.change if answer.heard else None
    if wish is not None and wish.key in question.keys:
        return wish
    return surest(question.reads(each) for each in answer.readings)


def _answered(words: Words, change: Change) -> Say:
    return words(change.line, said=change.said)
