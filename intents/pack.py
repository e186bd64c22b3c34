"""Everything that can be heard and said, read from files that people edit, and whether it is whole.

PackInvalid
    One line that names the file, the key and what is wrong with it.
"""

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lowtide.intents.text import canonical

ENGLISH = Path(__file__).parent / "packs" / "en"
GROUPS = ("question", "urge", "happening", "feeling", "safety", "control", "none")
ANSWERING = ("question", "urge", "happening", "feeling")
"""Groups whose replies are reframes: validation, idea, action."""
FEWEST_REPLIES = 6
"""DESIGN.md section 5."""
LINES = frozenset(
    "greeting still_here fourth_time nothing_to_repeat as_loud_as_i_go as_quiet_as_i_go "  # noqa: SIM905
    "as_slow_as_i_go as_fast_as_i_go awake_again wake plain_no put_right "
    "stay_how_strong stay_begin stay_check_in stay_no_more_check_ins stay_how_strong_now "
    "stay_eased stay_the_same stay_stronger stay_over stay_number stay_left stay_offer "
    "letter_begin_again "
    "breathe_begin breathe_in breathe_out breathe_end breathe_dizzy "
    "vent_begin vent_still_listening vent_five_minutes vent_reflect "
    "vent_long_breath letter_begin letter_let_go letter_keep letter_keep_again letter_kept "
    "forgotten stay_minutes numbers times_once_twice nights_one_many contacts_one_many "
    "looking_nights looking_contact looking_waited looking_eased looking_same looking_stronger "
    "looking_end recording_first recording_none recording_ask recording_check "
    "recording_kept recording_dropped recording_here recording_cannot "
    "quiet_presence not_kept not_deleted closing closing_led_by closing_told_after".split()
)
"""Tables that `_lines.toml` must have."""
HEARD = frozenset(
    "wake plain_no put_right closing closing_led_by closing_told_after".split()  # noqa: SIM905
)
"""Tables of `_lines.toml` that are listened for, and never said."""
ANSWERS = frozenset(
    "first second third breathe stay_with_me vent good_night quiet done keep let_go longer "  # noqa: SIM905
    "shorter rest lower same higher keep_after_all let_go_after_all start_over "
    "how_long".split()
)
"""Tables that `_answers.toml` must have."""
OFFERED = frozenset({"breathe", "stay_with_me", "vent", "good_night", "quiet"})
"""What words of ours may offer, so that a "yes" starts it."""
MOST_EXPANSIONS = 32
"""Phrases one template may stand for: more is a sign of two templates in one line."""
LONGEST_PASSAGE = 25
"""Words quoted from the article at most."""
_TEMPLATE = re.compile(r"[a-z' ()\[\]|{}]+")
_SLOTS = {"he": "he", "him": "him", "his": "his"}


class PackInvalid(Exception):  # noqa: N818 - named for what happened
    """A pack file can't be used; the message names file and key."""


@dataclass(frozen=True)
class Reply:
    """One thing to say: a reframe in three steps, or a single line."""

    validation: str = ""
    idea: str = ""
    action: str = ""
    line: str = ""
    offers: tuple[str, ...] = ()
    """What a "yes" to it starts, and what else it names; see `OFFERED`."""

    @property
    def text(self) -> str:
        """Everything that is said."""
        return self.line or f"{self.validation} {self.idea} {self.action}"

    @property
    def needs_ex_word(self) -> bool:
        """Whether it names the ex, and so needs the person's own word."""
        return "{him}" in self.text


@dataclass(frozen=True)
class Intent:
    """One thing a person can mean."""

    id: str
    group: str
    passage: str
    templates: tuple[str, ...]
    replies: tuple[Reply, ...]
    choices: tuple[Reply, ...] = ()
    """Questions offering two things; only `none` has them."""
    theme: str = ""
    """What to call it when it came up most: "missing someone"."""


@dataclass(frozen=True)
class Helpline:
    """One candidate number; see `_helplines.toml`."""

    country: str
    kind: str
    service: str
    number: str
    spoken: tuple[str, ...]
    """Digit groups in words."""
    speak: bool
    verified_on: str
    """The day, as 2026-11-26, on which a person last called it or read it from its operator's own
    page; empty: nobody has."""

    """ISO date on which a person checked it, or empty."""


@dataclass(frozen=True)
class Pack:
    """A language's worth of intents, lines, scripts, names and numbers."""

    folder: Path
    """Where it was read from."""
    intents: Mapping[str, Intent]
    lines: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    scripts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    helplines: tuple[Helpline, ...] = ()
    offers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the lines of a table offer, for those tables that do."""
    answers: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Whole answers to what was offered or asked, in canonical form."""
    names: frozenset[str] = frozenset()
    frames: Mapping[str, Any] = field(default_factory=dict)
    """The safety net's grammar as written; `lowtide.intents.safety` reads it."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """What can be set by voice, as written; `lowtide.intents.settings` reads it."""

    def phrases(self) -> Iterator[tuple[str, str]]:
        """Every phrase every template stands for, as (intent id, phrase).

        Raises:
            PackInvalid: A template can't be read.
        """
        for intent in self.intents.values():
            for template in intent.templates:
                try:
                    phrases = expand(template)
                except ValueError as error:
                    path = self.folder / f"{intent.id}.toml"
                    raise PackInvalid(f"{path}: phrases: {template!r}: {error}") from error
                yield from ((intent.id, phrase) for phrase in phrases)


def expand(template: str) -> tuple[str, ...]:
    """The phrases a template stands for, with "he", "him", "his" for the ex.

    Raises:
        ValueError: The template can't be read.
    """
    if not any(mark in template for mark in "[({"):
        return (template,)
    from hassil.parse_expression import parse_sentence  # noqa: PLC0415 - plain phrases need none
    from hassil.parser import ParseError  # noqa: PLC0415
    from hassil.sample import sample_sentence  # noqa: PLC0415

    plain = re.sub(r"\{(\w+)\}", r"\1", template)
    try:
        sampled = sample_sentence(parse_sentence(plain))
        return tuple(dict.fromkeys(" ".join(phrase.split()) for phrase in sampled))
    except ParseError as error:
        raise ValueError(str(error)) from error


def load(folder: Path = ENGLISH) -> Pack:
    """Read a pack.

    Raises:
        PackInvalid: A file is missing, can't be read, or says something it may not.
    """
    if not folder.is_dir():
        raise PackInvalid(f"{folder}: there is no such pack folder.")
    files = sorted(folder.glob("[!_]*.toml"))
    intents = {path.stem: _intent(path) for path in files}
    if "none" not in intents:
        raise PackInvalid(f"{folder}: none.toml is missing.")
    lines = _tables(folder / "_lines.toml", "lines")
    if missing := LINES - set(lines):
        raise PackInvalid(f"{folder / '_lines.toml'}: {min(missing)}: the table is missing.")
    settings = _toml(folder / "_settings.toml")
    said = {name: table for name, table in settings.items() if "lines" in table}
    answers = _tables(folder / "_answers.toml", "heard")
    if missing := ANSWERS - set(answers):
        raise PackInvalid(f"{folder / '_answers.toml'}: {min(missing)}: the table is missing.")
    return Pack(
        folder=folder,
        intents=intents,
        lines=lines | {name: tuple(map(str, table["lines"])) for name, table in said.items()},
        settings=settings,
        scripts=_tables(folder / "_safety.toml", "say"),
        offers={
            name: offers
            for file in ("_lines.toml", "_safety.toml", "_settings.toml")
            for name, offers in _offers(folder / file).items()
        },
        answers={name: frozenset(map(canonical, heard)) for name, heard in answers.items()},
        helplines=tuple(_helplines(folder / "_helplines.toml")),
        names=frozenset(_words(folder / "_names.txt")),
        frames=_toml(folder / "_frames.toml"),
    )


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        raise PackInvalid(f"{path}: the file is missing.") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PackInvalid(f"{path}: can't be read: {error}") from error


def _words(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise PackInvalid(f"{path}: can't be read: {error}") from error


def _intent(path: Path) -> Intent:
    raw = _toml(path)
    unknown = set(raw) - {"id", "group", "passage", "theme", "phrases", "replies", "choices"}
    if unknown:
        raise PackInvalid(f"{path}: unknown key: {', '.join(sorted(unknown))}.")
    for key in ("id", "group", "passage"):
        if not isinstance(raw.get(key), str):
            raise PackInvalid(f"{path}: {key}: a line of text is needed.")
    if raw["id"] != path.stem:
        raise PackInvalid(f"{path}: id: must be the file's name, {path.stem!r}.")
    if raw["group"] not in GROUPS:
        raise PackInvalid(f"{path}: group: must be one of {', '.join(GROUPS)}.")
    if len(raw["passage"].split()) > LONGEST_PASSAGE:
        raise PackInvalid(f"{path}: passage: more than {LONGEST_PASSAGE} words.")
    intent = Intent(
        id=raw["id"],
        group=raw["group"],
        passage=raw["passage"],
        templates=tuple(_templates(path, raw)),
        replies=tuple(_replies(path, raw)),
        theme=str(raw.get("theme", "")),
        choices=tuple(_choices(path, raw)),
    )
    if intent.group in ANSWERING and len(intent.replies) < FEWEST_REPLIES:
        raise PackInvalid(f"{path}: replies: at least {FEWEST_REPLIES} are needed.")
    return intent


def _list(path: Path, key: str, value: object) -> Sequence[Any]:
    if not isinstance(value, list):
        raise PackInvalid(f"{path}: {key}: a list is needed.")
    return value


def _templates(path: Path, raw: Mapping[str, Any]) -> Iterator[str]:
    for number, template in enumerate(_list(path, "phrases", raw.get("phrases", []))):
        where = f"{path}: phrases[{number}]"
        if not isinstance(template, str) or not _TEMPLATE.fullmatch(template):
            raise PackInvalid(
                f"{where}: only lower case letters, apostrophes and [ ] ( | ) {{ }}: {template!r}"
            )
        unknown = set(re.findall(r"\{(.*?)\}", template)) - set(_SLOTS)
        if unknown:
            raise PackInvalid(f"{where}: unknown slot {{{unknown.pop()}}}; known: he, him, his.")
        if template.count("|") + template.count("[") > MOST_EXPANSIONS:
            raise PackInvalid(f"{where}: stands for too many phrases: {template!r}")
        yield template


def _replies(path: Path, raw: Mapping[str, Any]) -> Iterator[Reply]:
    for number, reply in enumerate(_list(path, "replies", raw.get("replies", []))):
        where = f"{path}: replies[{number}]"
        if not isinstance(reply, dict) or not all(isinstance(text, str) for text in reply.values()):
            raise PackInvalid(f"{where}: a table with lines of text is needed.")
        if set(reply) not in ({"line"}, {"validation", "idea", "action"}):
            raise PackInvalid(f"{where}: needs validation, idea and action, or one line.")
        if raw["group"] in ANSWERING and "line" in reply:
            raise PackInvalid(f"{where}: an answer needs validation, idea and action.")
        yield Reply(**reply)


def _choices(path: Path, raw: Mapping[str, Any]) -> Iterator[Reply]:
    for number, choice in enumerate(_list(path, "choices", raw.get("choices", []))):
        where = f"{path}: choices[{number}]"
        if not isinstance(choice, dict) or set(choice) != {"line", "offers"}:
            raise PackInvalid(f"{where}: needs a line and what it offers.")
        yield Reply(line=str(choice["line"]), offers=_offered(where, choice["offers"]))


def _offers(path: Path) -> dict[str, tuple[str, ...]]:
    return {
        name: _offered(f"{path}: {name}", table["offers"])
        for name, table in _toml(path).items()
        if "offers" in table
    }


def _offered(where: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not OFFERED.issuperset(value):
        raise PackInvalid(f"{where}: offers: a list of {', '.join(sorted(OFFERED))} is needed.")
    return tuple(value)


def _tables(path: Path, key: str) -> dict[str, tuple[str, ...]]:
    tables = {}
    for name, table in _toml(path).items():
        if not isinstance(table, dict) or not isinstance(table.get(key), list) or not table[key]:
            raise PackInvalid(f"{path}: {name}: a list called {key!r} is needed.")
        tables[name] = tuple(str(line) for line in table[key])
    return tables


def _helplines(path: Path) -> Iterator[Helpline]:
    for number, row in enumerate(_toml(path).get("helpline", [])):
        try:
            yield Helpline(
                country=row["country"],
                kind=row["kind"],
                service=row["service"],
                number=row["number"],
                spoken=tuple(row["spoken"]),
                speak=row["speak"],
                verified_on=row["verified_on"],
            )
        except (KeyError, TypeError) as error:
            raise PackInvalid(f"{path}: helpline[{number}]: {error} is missing.") from error


def compiled(pack: Pack) -> tuple[tuple[str, str], ...]:
    """Every phrase in canonical form as (intent id, words), without doubles."""
    return tuple(dict.fromkeys((intent, canonical(phrase)) for intent, phrase in pack.phrases()))
