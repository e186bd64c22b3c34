"""Everything that can be said to a person, sentence by sentence, so that it can be made ahead."""

from collections.abc import Iterator

from lowtide.intents.acts import Part, Say
from lowtide.intents.pack import Pack
from lowtide.intents.person import Person
from lowtide.intents.replies import as_parts, speakable, split
from lowtide.intents.speech import Speech

HEARD_ONLY = frozenset({"wake", "plain_no"})
"""Lines that are listened for and never said."""


def sayable(pack: Pack, person: Person, words_per_minute: int) -> Iterator[Say]:
    """Danger first, then lines, then replies; what is filled in at the moment is left out."""
    speech = Speech(pack, 0, person)
    for name in pack.scripts:
        yield speech.script(name)
    for name, variants in pack.lines.items():
        for line in variants if name not in HEARD_ONLY else ():
            if "{" not in line:
                yield Say(tuple(Part(each) for each in split(line)), words_per_minute)
    words = dict.fromkeys((person.word_for_ex(None), "him", "her", None))
    for intent in pack.intents.values():
        for ex_word in words:
            for reply in speakable((*intent.replies, *intent.choices), ex_word):
                yield Say(as_parts(reply, ex_word), words_per_minute)
