"""Safety first; then what is known surely, then what is probably meant, else `none`.

Two readers stand side by side. The matcher knows the wordings of the packs: what it knows word for
word needs no second opinion. The meaning model knows what people's own words are near to; it sees
the first readings of the recogniser, each weighing by its confidence.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from lowtide.intents.completeness import Completeness, completeness
from lowtide.intents.events import Alarm, Change, Hypothesis, Understanding
from lowtide.intents.flows.safety import CLEAR, EMERGENCY, QUESTION
from lowtide.intents.matcher import Candidate, Matcher
from lowtide.intents.meaning import Meaning
from lowtide.intents.pack import Pack, compiled
from lowtide.intents.safety import SafetyNet
from lowtide.intents.settings import SettingPhrases, surest
from lowtide.intents.text import EX, canonical, ex_word, wordless

NONE = "none"
KNOWN = 0.97
"""Matcher's score from which a text is a phrase of the packs and not merely near one."""
ACCEPT_NEAR = 0.74
MARGIN_NEAR = 0.03
"""Matcher's score and lead over the runner-up from which a near phrase is accepted without the
meaning model; docs/understanding.md has the sweep."""
ACCEPT = {"question": 0.65, "urge": 0.7, "happening": 0.7, "feeling": 0.76, "control": 0.5}
"""Probability from which a group's intent is accepted; docs/understanding.md has the sweep."""
UNCLEAR = 0.4
"""By how much less, for what was heard with no certainty at all; between, in proportion: where the
readings differ, they share out the probability of what was meant. With it, unrelated talk in noise
starts as much that is wrong as the same typed; docs/understanding.md has the sweep."""
SCRAP, SURE_OF_A_SCRAP = 2, 0.85
"""Words of a scrap, and the probability from which one that is no phrase of ours is more than a
piece of somebody's talk: "see him" begins no reframe, "hate him" does. Controls are that short."""
ENOUGH_WORDS = 4
"""From which it is less: in "his phone", badly heard, nothing was said to us."""
DANGER = {"crisis_self_harm": 0.35, "unsafe_with_him": 0.35, "crisis_harm_others": 0.2}
"""Probability from which the meaning model alone asks (tier B); docs/safety.md has the sweep."""
SURE = 0.8
"""Probability from which it makes an unclear frame a clear one (tier A)."""
HARMLESS = 0.25
"""Probability under which it makes a clear frame an unclear one: then we ask, never guess."""
NO_DANGER = 0.01
"""Probability under which a frame is none at all: a row of words can't tell "tell him I love him"
as an urge from a farewell. No line of danger that fits a frame was under it; docs/safety.md."""
CLEAR_FROM = 0.8
"""Probability from which a sentence needs no more words to be understood; docs/realtime.md."""
LIKELIER = 4.5
"""How much more a reading counts for what is meant when it is, word for word, one of our phrases:
people say those more often. For danger every reading counts as the recogniser has it, so that a
likelier "call him" never outweighs a "kill him"; docs/understanding.md."""
NEAR_DANGER = "near to what people in danger say"
"""Why there is an alarm, where no frame says so."""
SHOWN = 3
"""Candidates in an explanation."""
LOOKED_THROUGH = 3
"""Readings of the recogniser in which a setting is looked for."""
NEVER_DOUBTED = EMERGENCY | {"choking"}
"""Scripts that are answered at once whatever the model thinks; safety.md section 2.4."""
READ = 4
"""Readings that the meaning model sees: each costs a pass of the encoder."""
WHOLE, STRETCH, OVERLAP = 45, 25, 10
"""Words that the meaning model reads at once; of longer talk, words at a time, and how many of them
again with the next. Measured: docs/understanding.md."""


@dataclass(frozen=True)
class Explanation:
    """Why an utterance was understood as it was; for people who write packs."""

    words: str
    """Canonical form."""
    understanding: Understanding
    near: tuple[Candidate, ...]
    """The nearest phrases, one for each intent, best first."""
    probable: tuple[tuple[str, float], ...]
    """The meaning model's intents and probabilities, best first; empty without the model."""
    danger: tuple[tuple[str, float], ...]


class Understander:
    """Says what utterances mean; holds nothing between them.

    Args:
        pack: What can be meant.
        phrases: The pack's, expanded, where somebody keeps them (see `pack.compiled`).
        meaning: The meaning model; without it only what is near a phrase is understood.

    Raises:
        PackInvalid: The pack's safety frames can't be read.
    """

    def __init__(
        self,
        pack: Pack,
        phrases: Sequence[tuple[str, str]] | None = None,
        meaning: Meaning | None = None,
    ) -> None:
        self._pack = pack
        self._matcher = Matcher(compiled(pack) if phrases is None else phrases)
        self._meaning = meaning
        self._safety = SafetyNet(pack)
        self._settings = SettingPhrases(pack)
        self._wake = tuple(canonical(words) for words in pack.lines.get("wake", ()))

    def understand(
        self, hypotheses: Sequence[Hypothesis], ex_name: str | None = None
    ) -> Understanding:
        """What the readings of one utterance mean; none at all means `none`.

        Args:
            hypotheses: Best first.
            ex_name: What the person calls their ex. It may be an everyday word, so that "will he
                come back" is read with Will as a name and as the word, and the better one counts.
        """
        plain = self._understand(hypotheses)
        if ex_name is None or not _says(plain.text, ex_name):
            return plain
        named = self._understand([_with_name(each, ex_name) for each in hypotheses])
        other = replace(named, text=plain.text, ex_word=ex_name, change=plain.change)
        return max(other, plain, key=_certainty)

    def _understand(self, hypotheses: Sequence[Hypothesis]) -> Understanding:
        text = hypotheses[0].text if hypotheses else ""
        words = canonical(text, self._pack.names)
        known = self._known(words)
        murmur = known is None and wordless(text)  # "Hm" is near "mm hmm", and no yes.
        read = self._read(hypotheses) if not known and not murmur else NOTHING
        probable = read.probabilities
        wish = self._settings.change(text)
        # The words of a setting, with none of the person's own, need no second opinion either.
        setting = wish is not None and not wish.said
        alarm = _weighed(self._safety.read(hypotheses), NOTHING if setting else read)
        ranked = self._ranked(words, known, probable)
        best, runner_up = ranked[0], ranked[1]
        unclear = 1.0 - min(1.0, sum(each.confidence for each in hypotheses))
        accepted = not murmur and self._accepts(
            best, runner_up, words=len(words.split()), unclear=unclear, near=not probable
        )
        intent = best.intent if accepted else NONE
        return Understanding(
            text=text,
            intent=alarm.intent if alarm else intent,
            score=round(best.score, 3),
            runner_up=runner_up.intent if accepted else best.intent,
            alarm=alarm,
            beneath=intent,
            ex_word=ex_word(text, self._pack.names),
            because=(alarm.frame or NEAR_DANGER) if alarm else best.phrase,
            known=known is not None,
            wakes=self._wakes(hypotheses),
            change=None if alarm else self._changed(wish, hypotheses[1:] if not known else ()),
            readings=tuple(each.text for each in hypotheses[:LOOKED_THROUGH]),
        )

    def _wakes(self, hypotheses: Sequence[Hypothesis]) -> bool:
        """Whether any reading has the wake phrase: two short words are easily read as others."""
        read = (canonical(each.text, self._pack.names) for each in hypotheses)
        return any(phrase in words for words in read for phrase in self._wake)

    def completeness(self, text: str) -> Completeness:
        """How far a sentence has come; where there may be danger, nobody is to be cut short."""
        found = self._understand([Hypothesis(text)])
        harmless = found.alarm is None
        known = harmless and (found.known or found.change is not None)
        clear = harmless and found.intent != NONE and found.score >= CLEAR_FROM
        return completeness(text, known=known, clear=clear)

    def explain(self, text: str) -> Explanation:
        """The reasons behind `understand` for one text."""
        words = canonical(text, self._pack.names)
        read = self._read([Hypothesis(text)])
        return Explanation(
            words=words,
            understanding=self.understand([Hypothesis(text)]),
            near=tuple(self._matcher.rank(words)[:SHOWN]),
            probable=_best_first(read.probabilities)[:SHOWN],
            danger=_best_first(read.danger),
        )

    def _ranked(
        self, words: str, known: Candidate | None, probable: Mapping[str, float]
    ) -> list[Candidate]:
        """Two candidates at least, best first."""
        nobody = [Candidate(NONE, 0.0, "")] * 2
        if known is not None:
            return [known, *nobody]
        near = self._matcher.rank(words)
        if not probable:
            return [*near, *nobody]
        phrases = {candidate.intent: candidate.phrase for candidate in near}
        return sorted(
            (Candidate(intent, score, phrases.get(intent, ""))
             for intent, score in probable.items()),
            key=lambda candidate: -candidate.score,
        )  # fmt: skip

    def _changed(self, wish: Change | None, lesser: Sequence[Hypothesis]) -> Change | None:
        """The wish in the best reading, or in a lesser one where the best is nothing known."""
        read = lesser[: LOOKED_THROUGH - 1]
        return surest([wish, *(self._settings.change(each.text) for each in read)])

    def _known(self, words: str) -> Candidate | None:
        """The intent whose phrase this is, word for word, and no other's."""
        near = self._matcher.rank(words)[:2]
        if not near or near[0].score < KNOWN or (len(near) > 1 and near[1].score >= KNOWN):
            return None
        return near[0]

    def _read(self, hypotheses: Sequence[Hypothesis]) -> "_Read":
        """What the meaning model makes of the readings, each weighing by its confidence."""
        if self._meaning is None or not hypotheses:
            return NOTHING
        seen = [(each.confidence, self._words(each)) for each in hypotheses[:READ]]
        likely = [share * (LIKELIER if self._known(words) else 1.0) for share, words in seen]
        total, in_all = sum(share for share, _ in seen) or 1.0, sum(likely) or 1.0
        read = [self._read_whole(words) for _, words in seen]
        danger, clear = (
            _mixed((share / total, each[kind]) for (share, _), each in zip(seen, read, strict=True))
            for kind in (1, 2)
        )
        meant = _mixed(
            (share / in_all, each.probabilities) for share, each in zip(likely, read, strict=True)
        )
        return _Read(meant, danger, clear)

    def _words(self, reading: Hypothesis) -> str:
        return canonical(reading.text, self._pack.names)

    def _read_whole(self, words: str) -> "_Read":
        """One reading: its end says what is meant, and danger counts wherever it stands."""
        assert self._meaning is not None
        stretches = [self._meaning.read(each) for each in _stretches(words.split())]
        return _Read(
            stretches[-1].probabilities,
            _most(each.danger for each in stretches),
            _most(each.clear for each in stretches),
        )

    def _accepts(
        self, best: Candidate, runner_up: Candidate, *, words: int, unclear: float, near: bool
    ) -> bool:
        if best.intent == NONE:
            return False
        if near:
            lead = best.score - runner_up.score
            return best.score >= ACCEPT_NEAR and lead >= MARGIN_NEAR
        group = self._pack.intents[best.intent].group
        least = ACCEPT.get(group, math.inf)
        if words <= SCRAP and group != "control":
            least = SURE_OF_A_SCRAP
        return best.score >= least - (UNCLEAR * unclear if words >= ENOUGH_WORDS else 0.0)


def _spoken(name: str) -> str:
    return rf"\b{re.escape(name.lower())}(?:'s)?\b"


def _says(text: str, name: str) -> bool:
    return re.search(_spoken(name), text.lower()) is not None


def _with_name(reading: Hypothesis, name: str) -> Hypothesis:
    """A reading with the ex's name as the one word that always means the ex."""
    return replace(reading, text=re.sub(_spoken(name), EX, reading.text.lower()))


def _certainty(found: Understanding) -> tuple[bool, bool, bool, float]:
    """How much one reading of the same words counts beside another: danger first."""
    return found.tier == "A", found.tier == "B", found.intent != NONE, found.score


class _Read(NamedTuple):
    """What the meaning model made of an utterance; empty without it."""

    probabilities: Mapping[str, float]
    danger: Mapping[str, float]
    clear: Mapping[str, float]


NOTHING = _Read({}, {}, {})


def _weighed(framed: Alarm | None, read: _Read) -> Alarm | None:
    """The grammar's alarm beside the meaning model, which alone only asks.

    To answer as clear takes a clear frame, or an unclear one and a sure model. Where the model
    is sure that there is no danger, a frame alone doesn't ask either.
    """
    if not read.danger:
        return framed
    if framed is None:
        return _near(read)
    likeliest = 1.0 if framed.script in NEVER_DOUBTED else max(read.danger.values())
    if likeliest < NO_DANGER:
        return None
    if framed.tier == "A" and likeliest < HARMLESS:
        return replace(framed, tier="B", script=QUESTION[framed.intent])
    asks = framed.script == QUESTION[framed.intent]
    if framed.tier == "B" and asks and read.clear[framed.intent] >= SURE:
        return replace(framed, tier="A", script=CLEAR[framed.intent])
    return framed


def _near(read: _Read) -> Alarm | None:
    """A question, where the model alone finds danger likely enough."""
    intent = max(read.danger, key=lambda each: read.danger[each] / DANGER[each])
    return Alarm(intent, "B", QUESTION[intent]) if read.danger[intent] >= DANGER[intent] else None


def _stretches(words: Sequence[str]) -> list[str]:
    """The words in pieces that can be read at once, overlapping; one at least."""
    if len(words) <= WHOLE:
        return [" ".join(words)]
    step = STRETCH - OVERLAP
    starts = range(0, len(words) - OVERLAP, step)
    return [" ".join(words[start : start + STRETCH]) for start in starts]


def _mixed(shares: Iterable[tuple[float, Mapping[str, float]]]) -> Mapping[str, float]:
    mixed: dict[str, float] = defaultdict(float)
    for share, probabilities in shares:
        for each, probability in probabilities.items():
            mixed[each] += share * probability
    return mixed


def _most(readings: Iterable[Mapping[str, float]]) -> Mapping[str, float]:
    most: dict[str, float] = {}
    for reading in readings:
        for each, probability in reading.items():
            most[each] = max(probability, most.get(each, 0.0))
    return most


def _best_first(probabilities: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    return tuple(sorted(probabilities.items(), key=lambda each: -each[1]))
