"""Safety first, then accept the best candidate on score and margin, else `none`."""

from collections.abc import Sequence

from lowtide.intents.events import Hypothesis, Understanding
from lowtide.intents.matcher import Candidate, Matcher
from lowtide.intents.pack import Pack, compiled
from lowtide.intents.safety import SafetyNet
from lowtide.intents.text import canonical, ex_word

NONE = "none"
ACCEPT = {"question": 0.74, "urge": 0.74, "happening": 0.74, "feeling": 0.74, "control": 0.82}
"""Score from which a group's intent is accepted; docs/understanding.md has the sweep."""
KNOWN = 0.97
"""Score from which a text is a phrase of the packs and not merely near one."""
MARGIN = 0.03
"""Lead over the runner-up, in score: two near readings are none."""


class Understander:
    """Says what utterances mean; holds nothing between them.

    Args:
        pack: What can be meant.
        phrases: The pack's, expanded, where somebody keeps them (see `pack.compiled`).

    Raises:
        PackInvalid: The pack's safety frames can't be read.
    """

    def __init__(self, pack: Pack, phrases: Sequence[tuple[str, str]] | None = None) -> None:
        self._pack = pack
        self._matcher = Matcher(compiled(pack) if phrases is None else phrases)
        self._safety = SafetyNet(pack)
        self._wake = tuple(canonical(words) for words in pack.lines.get("wake", ()))

    def understand(self, hypotheses: Sequence[Hypothesis]) -> Understanding:
        """What the readings of one utterance mean; none at all means `none`."""
        text = hypotheses[0].text if hypotheses else ""
        alarm = self._safety.read(hypotheses)
        names = self._pack.names
        words = canonical(text, names)
        ranked = self._matcher.rank(words)
        best = ranked[0] if ranked else Candidate(NONE, 0.0, "")
        runner_up = ranked[1] if len(ranked) > 1 else Candidate(NONE, 0.0, "")
        lead = best.score - runner_up.score
        accepted = best.score >= self._threshold(best.intent) and lead >= MARGIN
        if alarm is not None:
            intent, because = alarm.intent, alarm.frame
        else:
            intent, because = (best.intent if accepted else NONE), best.phrase
        return Understanding(
            text=text,
            intent=intent,
            score=round(best.score, 3),
            runner_up=runner_up.intent if accepted else best.intent,
            alarm=alarm,
            ex_word=ex_word(text, names),
            because=because,
            wakes=any(phrase in words for phrase in self._wake),
        )

    def knows(self, text: str) -> bool:
        """Whether a text is, as a whole, a harmless sentence of the packs."""
        ranked = self._matcher.rank(canonical(text, self._pack.names))
        known = bool(ranked) and ranked[0].score >= KNOWN
        return known and self._safety.read([Hypothesis(text)]) is None

    def _threshold(self, intent: str) -> float:
        group = self._pack.intents[intent].group if intent in self._pack.intents else NONE
        return ACCEPT.get(group, 1.1)
