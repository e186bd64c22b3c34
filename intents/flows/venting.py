"""Being heard: no interruption, one gentle question after five minutes, one sentence back.

The same for a letter that is not sent: at its end it is let go, or kept if that is plainly wanted.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from lowtide.intents.acts import Act, Forget, KeepLetter
from lowtide.intents.events import Understanding
from lowtide.intents.flows import Answer, Ask, Flow, Takes, Until, Words
from lowtide.intents.text import canonical

GENTLE_QUESTION_AFTER = 300.0
"""Seconds; venting has a time box, safety.md section 1.1."""
LONGEST_SILENCE = 45.0
"""Seconds without a word after which one soft sign is given, once."""

FOR_AN_ANSWER = 30.0
"""Seconds of silence after which a letter is let go: nothing is kept without a word."""
A_CHANGE_OF_MIND = 60.0
"""Seconds in which a letter can be kept, or let go, after all."""


def vent(
    words: Words, themes: Mapping[str, str], done: Collection[str], rest: Collection[str]
) -> Flow:
    """Listen until "I'm done".

    Args:
        words: The lines.
        themes: For each intent, what to call it when it came up most.
        done: Words, in canonical form, that end it.
        rest: Words that end it after the one gentle question.
    """
    began = None
    heard: Counter[str] = Counter()
    asked = quiet = False
    acts: tuple[Act, ...] = (words("vent_begin"),)
    while True:
        answer: Answer = yield Ask(acts, within=LONGEST_SILENCE, name="vent")
        began = answer.at if began is None else began
        acts = ()
        over = asked and (answer.intent == "no" or answer.words in rest)
        if over or _ended(answer, done):
            break
        if answer.heard is None:
            if quiet:
                break
            quiet, acts = True, (words("vent_still_listening"),)
        elif answer.asks("are_you_there"):
            acts = (words("vent_still_listening"),)
        elif answer.heard.known and answer.intent == "help":
            acts = (words("vent_begin"),)  # How it is ended is said there.
        else:
            quiet = False
            heard.update({answer.heard.intent} & themes.keys())
        if not asked and answer.heard and answer.at - began >= GENTLE_QUESTION_AFTER:
            asked, acts = True, (words("vent_five_minutes"),)
    if heard:
        theme = themes[heard.most_common(1)[0][0]]
        yield Until((words("vent_reflect", theme=theme),), 0.0)
    yield Until((words("vent_long_breath"),), 0.0)


def unsent_letter(words: Words, answers: Mapping[str, Collection[str]], *, may_keep: bool) -> Flow:
    """Listen to what would be said to the ex; then let it go, or keep it if that is said plainly.

    Args:
        words: The lines.
        answers: Words, in canonical form, with which it is "done" or to "start_over", and those
            that "keep" it, nothing else does, or "let_go" of it; the same "_after_all".
        may_keep: Whether to ask at all; on a night of danger nothing is kept.
    """
    heard: list[str] = []
    acts: tuple[Act, ...] = (words("letter_begin"),)
    while True:
        answer = yield Ask(acts, within=LONGEST_SILENCE, name="letter", takes=_starts_over(answers))
        acts = ()
        if answer.words in answers["start_over"]:
            heard, acts = [], (words("letter_begin_again"),)
            continue
        if answer.heard is None or answer.intent == "forget_that":
            break
        if _ended(answer, answers["done"]):
            break
        if answer.heard.known and answer.intent == "help":
            acts = (words("letter_begin"),)
            continue
        heard.append(answer.text)
    if heard and may_keep and answer.intent != "forget_that":
        yield from _kept_or_let_go(words, answers, KeepLetter("\n".join(heard)))
    else:
        yield Until((words("letter_let_go"),), 0.0)


def _starts_over(answers: Mapping[str, Collection[str]]) -> Takes:
    return lambda said: canonical(said.text) in answers["start_over"]


def _kept_or_let_go(
    words: Words, answers: Mapping[str, Collection[str]], letter: KeepLetter
) -> Flow:
    """Ask which; a plain change of mind within a minute still counts."""

    def decides(said: Understanding) -> bool:
        return canonical(said.text) in (*answers["keep"], *answers["let_go"])

    answer = yield Ask((words("letter_keep"),), within=FOR_AN_ANSWER, takes=decides)
    if answer.heard is not None and not decides(answer.heard):
        answer = yield Ask((words("letter_keep_again"),), within=FOR_AN_ANSWER, takes=decides)
    kept = answer.words in answers["keep"]
    keep: tuple[Act, ...] = (letter, words("letter_kept"))
    let_go: tuple[Act, ...] = (words("letter_let_go"),)
    regrets = answers["let_go_after_all" if kept else "keep_after_all"]

    def changes_mind(said: Understanding) -> bool:
        return canonical(said.text) in regrets

    answer = yield Until(keep if kept else let_go, A_CHANGE_OF_MIND, takes=changes_mind)
    if answer.heard is not None:
        yield Until((Forget("letter"), *let_go) if kept else keep, 0.0)


def _ended(answer: Answer, done: Collection[str]) -> bool:
    return answer.intent == "done_venting" or any(
        canonical(each) in done for each in answer.readings
    )
