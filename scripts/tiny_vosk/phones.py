"""Phones, how Kaldi numbers them by their place in a word, and the words' pronunciations."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pocketsphinx import get_model_path

PHONES = (
    "SIL AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH "  # noqa: SIM905
    "UW V W Y Z ZH".split()
)
"""The CMU dictionary's, behind silence."""
PLACES = ("begin", "end", "internal", "singleton")
SILENCE, UNKNOWN = 1, 2
"""Kaldi's numbers of silence, and of the one phone that [unk] is made of; 0 is the empty symbol."""
KALDI_PHONES = 2 + (len(PHONES) - 1) * len(PLACES)
OUTPUTS = 2 * len(PHONES)
"""Of the network: a phone's first frame, and the rest of it; [unk]'s constant stands after them."""
UNK = "[unk]"
DICTIONARY = Path(get_model_path("en-us/cmudict-en-us.dict"))

Pronunciation = tuple[int, ...]
"""Kaldi phones."""


def kaldi_phone(phone: str, place: str) -> int:
    """The number of a phone in its place."""
    return 3 + (PHONES.index(phone) - 1) * len(PLACES) + PLACES.index(place)


def outputs() -> dict[int, tuple[int, int]]:
    """Of each Kaldi phone: the network's output for its first frame and for the rest."""
    table = {SILENCE: (0, 1), UNKNOWN: (OUTPUTS, OUTPUTS)}
    for number, phone in enumerate(PHONES[1:], 1):
        for place in PLACES:
            table[kaldi_phone(phone, place)] = (2 * number, 2 * number + 1)
    return table


def word_boundaries() -> str:
    """Kaldi's `word_boundary.int`."""
    lines = [f"{SILENCE} nonword", f"{UNKNOWN} singleton"]
    lines += [f"{kaldi_phone(phone, place)} {place}" for phone in PHONES[1:] for place in PLACES]
    return "\n".join(lines) + "\n"


def known_words() -> frozenset[str]:
    """Every word the dictionary can pronounce."""
    lines = DICTIONARY.read_text("utf-8").splitlines()
    return frozenset(line.split(maxsplit=1)[0].split("(")[0] for line in lines)


def pronunciations(words: Iterable[str]) -> dict[str, list[Pronunciation]]:
    """Each word's, [unk]'s among them; the words are `known_words`."""
    wanted = set(words) - {UNK}
    found: defaultdict[str, list[Pronunciation]] = defaultdict(list)
    for line in DICTIONARY.read_text("utf-8").splitlines():
        head, *phones = line.split()
        word = head.split("(")[0]
        if word in wanted:
            found[word].append(_placed(phones))
    return {word: found[word] for word in sorted(wanted)} | {UNK: [(UNKNOWN,)]}


def _placed(phones: list[str]) -> Pronunciation:
    if len(phones) == 1:
        return (kaldi_phone(phones[0], "singleton"),)
    first, *inner, last = phones
    return (
        kaldi_phone(first, "begin"),
        *(kaldi_phone(phone, "internal") for phone in inner),
        kaldi_phone(last, "end"),
    )
