"""What a machine can check of the ten-point rubric for spoken lines (safety.md section 5).

The rest, whether a line is kind, true and right for the moment, is read by a person twice.
"""

import re
from collections.abc import Iterator

from lowtide.intents.pack import ANSWERING, HEARD, Intent, Pack, Reply
from lowtide.intents.replies import split

MOST_WORDS = {"urge": 30}
"""For a whole reply by group; `MOST_WORDS_ELSE` for the others."""
MOST_WORDS_ELSE = 45
MOST_SENTENCES = 4
MOST_WORDS_A_SENTENCE = 16
VALIDATION_WORDS = range(3, 9)
BANNED = (
    "should|must|ought|just|at least|move on|moving on|moved on|get over|calm down|be strong|"
    "stay strong|cheer up|everything happens|time heals|i love you|always here|proud of you|"
    "well done|good job|narcissist|addicted|codependent|toxic|pathetic|weak"
)
EX_PRONOUNS = "he|him|his|she|her|hers|they|them|their|theirs"
OFFERS_PRONOUNS = "setup_ex"
"""The one line that names pronouns: it asks which of them is wanted."""
FEWEST_VARIANTS = 8
"""Of an answer, a control's own words, and a line of `_lines.toml`: heard again and again."""
SAID_IN_ONE_WAY = frozenset(
    "breathe_in breathe_out numbers nights_one_many contacts_one_many times_once_twice".split()  # noqa: SIM905
)
"""Cues, which have to be the same each time, and parts of sentences."""
_SPEAKABLE = re.compile(r"[A-Za-z',.?{}\s]+")


def faults(pack: Pack) -> Iterator[str]:
    """Every fault of every line, each naming intent and line."""
    yield from _too_few(pack)
    for intent in pack.intents.values():
        for reply in (*intent.replies, *intent.choices):
            for fault in _reply_faults(intent, reply):
                yield f"{intent.id}: {fault}: {reply.text!r}"
    for name, lines in pack.lines.items():
        if name in HEARD:
            continue
        for line in lines:
            checked = line.replace("him, her, or them", "") if name == OFFERS_PRONOUNS else line
            for fault in _text_faults(checked, MOST_WORDS_ELSE):
                yield f"_lines.{name}: {fault}: {line!r}"


def _too_few(pack: Pack) -> Iterator[str]:
    """Set-up and settings are answered once, in fixed words, and are not counted here."""
    counted = {intent.id: len(intent.replies) for intent in pack.intents.values() if intent.replies}
    for name in pack.lines.keys() - pack.settings.keys() - SAID_IN_ONE_WAY - HEARD:
        counted[f"_lines.{name}"] = len(pack.lines[name])
    for name, count in sorted(counted.items()):
        if count < FEWEST_VARIANTS:
            yield f"{name}: only {count} variants, and {FEWEST_VARIANTS} are needed"


def _reply_faults(intent: Intent, reply: Reply) -> Iterator[str]:
    most = MOST_WORDS.get(intent.group, MOST_WORDS_ELSE)
    yield from _text_faults(reply.text.replace("{him}", "your ex"), most)
    if intent.group not in ANSWERING:
        return
    if len(reply.validation.replace("{him}", "ex").split()) not in VALIDATION_WORDS:
        yield "validation is not 3 to 8 words"
    if len(split(reply.validation)) != 1:
        yield "validation is not one sentence"
    if len(split(reply.action)) != 1:
        yield "action is not one sentence"
    if "{him}" in reply.idea + reply.action:
        yield "the ex is named outside the validation"


def _text_faults(text: str, most_words: int) -> Iterator[str]:
    sentences = split(text)
    if len(text.split()) > most_words:
        yield f"more than {most_words} words"
    if len(sentences) > MOST_SENTENCES:
        yield f"more than {MOST_SENTENCES} sentences"
    if any(len(sentence.split()) > MOST_WORDS_A_SENTENCE for sentence in sentences):
        yield f"a sentence of more than {MOST_WORDS_A_SENTENCE} words"
    if not _SPEAKABLE.fullmatch(text):
        yield "not speakable: letters, apostrophes, commas, full stops, a question mark"
    if text.count("?") > 1:
        yield "more than one question"
    if found := re.search(rf"\b(?:{BANNED})\b", text.lower()):
        yield f"says {found.group()!r}"
    if found := re.search(rf"\b(?:{EX_PRONOUNS})\b", text.replace("{him}", "").lower()):
        yield f"a pronoun for the ex: {found.group()!r}"
