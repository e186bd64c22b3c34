"""Everything that can be said to a person, sentence by sentence, so that it can be made ahead."""

from collections.abc import Iterator

from lowtide.intents.acts import Part, Say
from lowtide.intents.pack import HEARD, Pack
from lowtide.intents.person import Person
from lowtide.intents.replies import as_parts, speakable, split
from lowtide.intents.speech import Speech

NEVER_SAID_ALONE = HEARD | {"numbers", "nights_one_many", "contacts_one_many", "times_once_twice"}
"""Tables of words that are listened for, or that only stand inside other lines."""


def sayable(pack: Pack, person: Person, words_per_minute: int) -> Iterator[Say]:
    """Danger first, then lines, then replies; what is filled in at the moment is left out."""
    speech = Speech(pack, 0, person)
    for name in pack.scripts:
        yield speech.script(name)
    for name, variants in pack.lines.items():
        for line in variants if name not in NEVER_SAID_ALONE else ():
            if "{" not in line:
                yield Say(tuple(Part(each) for each in split(line)), words_per_minute)
    words = dict.fromkeys((person.word_for_ex(None), "him", "her", None))
    for intent in pack.intents.values():
        for ex_word in words:
            for reply in speakable((*intent.replies, *intent.choices), ex_word):
                yield Say(as_parts(reply, ex_word), words_per_minute)
