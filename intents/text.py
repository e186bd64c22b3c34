"""Writes what was heard in one plain form: words only, short forms opened, the ex as one word."""

import re
from collections.abc import Collection
from functools import lru_cache

EX = "ex"
"""The one word that stands for he, she, they, a name, "my ex"."""

_SHORT = {
    "aint": "is not",
    "cant": "can not",
    "cannot": "can not",
    "cos": "because",
    "couldnt": "could not",
    "couldve": "could have",
    "coz": "because",
    "cuz": "because",
    "didnt": "did not",
    "doesnt": "does not",
    "dont": "do not",
    "dunno": "do not know",
    "gimme": "give me",
    "gonna": "going to",
    "gotta": "have to",
    "hadnt": "had not",
    "hasnt": "has not",
    "havent": "have not",
    "idk": "i do not know",
    "im": "i am",
    "imma": "i am going to",
    "innit": "",
    "isnt": "is not",
    "ive": "i have",
    "kinda": "kind of",
    "lemme": "let me",
    "shouldnt": "should not",
    "shouldve": "should have",
    "theyre": "they are",
    "tryna": "trying to",
    "u": "you",
    "wanna": "want to",
    "wasnt": "was not",
    "wouldnt": "would not",
    "wouldve": "would have",
    "wont": "will not",
    "ya": "you",
    "youre": "you are",
}
_WHOLE = {
    "ain't": "is not",
    "can't": "can not",
    "let's": "let us",
    "shan't": "shall not",
    "won't": "will not",
    "y'all": "you all",
}
_ENDINGS = (
    ("n't", " not"),
    ("'re", " are"),
    ("'ve", " have"),
    ("'ll", " will"),
    ("'d", " would"),
    ("'m", " am"),
    ("'cause", "because"),
)
_IS = frozenset(
    "he she it that this what who where how when why there here name everyone everything "  # noqa: SIM905
    "everybody nobody nothing someone something one".split()
)
_FILLERS = frozenset(
    "um uh er erm hm hmm mm mmm mhm huh ah oh eh well please honestly literally basically "  # noqa: SIM905
    "actually innit".split()
)
_PRONOUNS = frozenset({"he", "him", "his", "she", "her", "hers", "they", "them", "theirs", "their"})
_SELVES = frozenset(["himself", "herself", "themselves", "themself"])
_MINE = (
    "ex|boyfriend|girlfriend|husband|wife|partner|fiance|fiancee|bf|gf|hubby|man|guy|girl|woman|"
    "missus|fella|other half|better half|spouse"
)
_MY_EX = re.compile(
    rf"\b(?:my|me) (?:(?:old|former|soon to be) )?(?:(?:ex )?(?:{_MINE})|ex)\b(?: (?:{_MINE})\b)?"
)
_RUNG = re.compile(rf"\bwring(ing)? {EX}\b(?! neck\b)")
"""Somebody to be rung, as a recogniser writes it; what is wrung is a neck."""
_WORD = re.compile(r"[a-z']+")


def tidy(text: str) -> str:
    """Lower case, words and apostrophes only, single spaces."""
    return " ".join(_WORD.findall(text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")))


def _opened(word: str) -> str:
    if word in _SHORT:
        return _SHORT[word]
    if word in _WHOLE:
        return _WHOLE[word]
    for ending, written in _ENDINGS:
        if word.endswith(ending):
            return word.removesuffix(ending) + written
    stem, apostrophe, rest = word.partition("'")
    if apostrophe and rest in ("s", ""):
        return f"{stem} is" if stem in _IS else stem
    return word.replace("'", "")


@lru_cache(maxsize=4096)
def opened(text: str) -> str:
    """Tidied text with short forms written out and fillers left out."""
    words = " ".join(_opened(word) for word in tidy(text).split()).split()
    # "Mm hm" alone is an answer, and no filler.
    return " ".join([word for word in words if word not in _FILLERS] or words)


def wordless(text: str) -> bool:
    """Whether it holds nothing but the sounds between words: "hm", "er", "oh"."""
    return all(word in _FILLERS for word in tidy(text).split())


def with_ex(words: str, names: Collection[str]) -> str:
    """Opened text with every way to name the ex written as `EX`."""
    plain = _MY_EX.sub(EX, words)
    written = []
    for word in plain.split():
        if word in _PRONOUNS or word in names:
            written.append(EX)
        elif word in _SELVES:
            written.extend((EX, "self"))
        else:
            written.append(word)
    return _RUNG.sub(rf"ring\1 {EX}", " ".join(written))


def canonical(text: str, names: Collection[str] = ()) -> str:
    """The form in which phrases and utterances are compared.

    Args:
        text: As recognised or written.
        names: First names that stand for the ex.
    """
    return with_ex(opened(text), names)


_SAID_BACK = {
    "he": "him",
    "him": "him",
    "his": "him",
    "she": "her",
    "her": "her",
    "hers": "her",
    "they": "them",
    "them": "them",
    "their": "them",
}


def ex_word(text: str, names: Collection[str] = ()) -> str | None:
    """How the person named the ex, as an object that can be said back, or None.

    A name wins over "my ex", and that over a pronoun.
    """
    words = opened(text)
    spoken = words.split()
    for word in spoken:
        if word in names:
            return word.capitalize()
    if found := _MY_EX.search(words):
        return re.sub(r"^(?:my|me)\b", "your", found.group())
    return next((_SAID_BACK[word] for word in spoken if word in _SAID_BACK), None)
