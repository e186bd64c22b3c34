"""How it has been, from the journal: nights, contacts, waits, and the number before and after.

Counted, never compared with a zero, never praised. Nothing of a night of danger is in it, because
nothing of that is ever noted.
"""

from collections.abc import Callable
from dataclasses import replace

from lowtide.intents.acts import BETWEEN_SENTENCES, Say
from lowtide.intents.flows import Words
from lowtide.intents.history import History


def looking_back(history: History, words: Words, counted: Callable[[str, int], str]) -> Say | None:
    """What can be said of the last weeks; None when hardly anything was noted yet.

    Args:
        history: What the journal says.
        words: The lines.
        counted: How a count is spoken with its noun, by the name of a table of such forms.
    """
    if history.nights < 2 and not history.ridden_out:
        return None
    nights = counted("nights_one_many", history.nights)
    if history.slips:
        contacts = counted("contacts_one_many", history.slips)
        said = [words("looking_contact", nights=nights, contacts=contacts)]
    else:
        said = [words("looking_nights", nights=nights)]
    if history.ridden_out:
        said.append(words("looking_waited", times=counted("times_once_twice", history.ridden_out)))
    if history.median_before is not None and history.median_after is not None:
        before, after = round(history.median_before), round(history.median_after)
        said.append(words(_change(before, after), before=before, after=after))
    said.append(words("looking_end"))
    first, *rest = said
    parts = [replace(each.parts[0], pause=BETWEEN_SENTENCES) for each in rest]
    return replace(first, parts=(*first.parts, *parts))


def _change(before: int, after: int) -> str:
    if after < before:
        return "looking_eased"
    return "looking_same" if after == before else "looking_stronger"
