"""Breathing together: in for four, out for six, two easy breaths first; the cues grow sparse."""

import re

from lowtide.intents.flows import Flow, Until, Words

EASY = ((3.0, 4.0),) * 2
PACED = (4.0, 6.0)
"""Seconds in and out: six breaths a minute, no hold; safety.md section 1.2."""
BREATHS = {"short": 6, "standard": 18, "long": 30}
CUED = 4
"""Paced breaths with a word for each half; after them the words come with every second breath."""
CUE_SECONDS = 0.4
"""What a cue word takes: the wait is counted from its end."""
_DIZZY = re.compile(r"\b(?:dizzy|light ?headed|tingl\w+|faint|head(?:'s| is) spinning)\b")


def breathe(words: Words, breaths: int = BREATHS["short"]) -> Flow:
    """Breathe so many paced breaths; anyone dizzy is let off at once."""
    pace = [*EASY, *(PACED,) * breaths]
    acts = (words("breathe_begin"),)
    yield Until(acts, 1.0, deaf_to_none=True)
    for number, halves in enumerate(pace):
        spoken = number < len(EASY) + CUED or number % 2 == 0
        for cue, seconds in zip(("breathe_in", "breathe_out"), halves, strict=True):
            said = (words(cue),) if spoken else ()
            wait = seconds - CUE_SECONDS if spoken else seconds
            answer = yield Until(said, wait, frozenset({"none"}), deaf_to_none=True)
            if _DIZZY.search(answer.text):
                yield Until((words("breathe_dizzy"),), 0.0)
                return
    yield Until((words("breathe_end"),), 0.0)
