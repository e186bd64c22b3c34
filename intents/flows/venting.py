"""Being heard: no interruption, one gentle question after five minutes, one sentence back."""

from collections import Counter
from collections.abc import Mapping

from lowtide.intents.acts import Act
from lowtide.intents.flows import Answer, Ask, Flow, Until, Words

GENTLE_QUESTION_AFTER = 300.0
"""Seconds; venting has a time box, safety.md section 1.1."""
LONGEST_SILENCE = 45.0
"""Seconds without a word after which one soft sign is given, once."""


def vent(words: Words, themes: Mapping[str, str]) -> Flow:
    """Listen until "I'm done".

    Args:
        words: The lines.
        themes: For each intent, what to call it when it came up most.
    """
    began = None
    heard: Counter[str] = Counter()
    asked = quiet = False
    acts: tuple[Act, ...] = (words("vent_begin"),)
    while True:
        answer: Answer = yield Ask(acts, within=LONGEST_SILENCE, name="vent")
        began = answer.at if began is None else began
        acts = ()
        if answer.intent == "done_venting" or (asked and answer.intent == "no"):
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


def unsent_letter(words: Words) -> Flow:
    """Listen to what would be said to the ex, then let it go."""
    acts: tuple[Act, ...] = (words("letter_begin"),)
    while True:
        answer = yield Ask(acts, within=LONGEST_SILENCE, name="letter")
        acts = ()
        if answer.heard is None or answer.intent in ("done_venting", "no", "forget_that"):
            break
    yield Until((words("letter_let_go"),), 0.0)
