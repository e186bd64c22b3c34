"""Being heard: no interruption, one gentle question after five minutes, one sentence back.

The same for a letter that is not sent: at its end it is let go, or kept if that is plainly wanted.
"""

from collections import Counter
from collections.abc import Collection, Mapping

from lowtide.intents.acts import Act, KeepLetter
from lowtide.intents.events import Understanding
from lowtide.intents.flows import Answer, Ask, Flow, Until, Words
from lowtide.intents.text import canonical

GENTLE_QUESTION_AFTER = 300.0
"""Seconds; venting has a time box, safety.md section 1.1."""
LONGEST_SILENCE = 45.0
"""Seconds without a word after which one soft sign is given, once."""

FOR_AN_ANSWER = 30.0
"""Seconds of silence after which a letter is let go: nothing is kept without a word."""


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
        else:
            quiet = False
            heard.update({answer.heard.intent} & themes.keys())
        if not asked and answer.heard and answer.at - began >= GENTLE_QUESTION_AFTER:
            asked, acts = True, (words("vent_five_minutes"),)
    if heard:
        theme = themes[heard.most_common(1)[0][0]]
        yield Until((words("vent_reflect", theme=theme),), 0.0)
    yield Until((words("vent_long_breath"),), 0.0)


def unsent_letter(
    words: Words,
    done: Collection[str],
    keep: Collection[str],
    let_go: Collection[str],
    *,
    may_keep: bool,
) -> Flow:
    """Listen to what would be said to the ex; then let it go, or keep it if that is said plainly.

    Args:
        words: The lines.
        done: Words, in canonical form, that end it.
        keep: Words that keep it; nothing else does.
        let_go: Words that let it go without asking again.
        may_keep: Whether to ask at all; on a night of danger nothing is kept.
    """
    heard: list[str] = []
    acts: tuple[Act, ...] = (words("letter_begin"),)
    while True:
        answer = yield Ask(acts, within=LONGEST_SILENCE, name="letter")
        acts = ()
        if answer.heard is None or answer.intent == "forget_that" or _ended(answer, done):
            break
        heard.append(answer.text)
    if heard and may_keep and answer.intent != "forget_that":

        def decides(said: Understanding) -> bool:
            return canonical(said.text) in keep or canonical(said.text) in let_go

        answer = yield Ask((words("letter_keep"),), within=FOR_AN_ANSWER, takes=decides)
        if answer.heard is not None and not decides(answer.heard):
            again = words("letter_keep_again")
            answer = yield Ask((again,), within=FOR_AN_ANSWER, takes=decides)
        if answer.words in keep:
            yield Until((KeepLetter("\n".join(heard)), words("letter_kept")), 0.0)
            return
    yield Until((words("letter_let_go"),), 0.0)


def _ended(answer: Answer, done: Collection[str]) -> bool:
    return answer.intent == "done_venting" or any(
        canonical(each) in done for each in answer.readings
    )
