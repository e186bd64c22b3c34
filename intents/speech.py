"""Puts into words what the conversation wants to say: from the pack, at the present loudness."""

from typing import Literal

from lowtide.intents.acts import Cue, Say, Set, sentences
from lowtide.intents.delivery import Delivery, together
from lowtide.intents.flows.safety import OVERHEARD
from lowtide.intents.pack import Intent, Pack, Reply
from lowtide.intents.person import Person
from lowtide.intents.replies import Chooser, as_parts, speakable, split

OVERHEARD_GAIN = -6.0
"""dB, for somebody who may be overheard; safety.md section 2.7."""
PHONE = "phone"
"""After a turn about danger the phone is the way to help: no line lays it aside (safety.md 4.3)."""
SAYS_PLAN_FROM = 2
"""Urge of a night from which the person's own plan is said back, once."""


class Speech:
    """Everything that is said goes through here.

    Args:
        pack: What can be said.
        seed: Of the choice among variants.
        person: Whom it is said to.
    """

    def __init__(self, pack: Pack, seed: int, person: Person) -> None:
        self.person = person
        self.delivery = Delivery()
        self._pack = pack
        self._chooser = Chooser(seed)
        self.in_danger = self.hushed = False
        """Whether the phone stays at hand, and whether somebody may be overheard."""
        self._urges = 0
        self._plan_said = False

    def choose(self, act: Set) -> None:
        """The person chose something: it holds from now on."""
        self.person = self.person.changed(act.key, act.value)
        if act.key == "night":
            self.delivery.choose_night(on=act.value == "on")

    def line(self, name: str, /, *, softer: float = 0.0, **slots: str | int) -> Say:
        """A line that belongs to no intent; a number in a slot is written as a word."""
        variants = self._pack.lines[name]
        if self.in_danger:
            variants = tuple(each for each in variants if PHONE not in each) or variants
        words = {slot: self._count(said) for slot, said in slots.items()}
        said = [
            _begun(each) for each in split(self._chooser.choose(name, variants).format(**words))
        ]
        offers = self._pack.offers.get(name, ())
        return Say(sentences(*said), self.delivery.pace, self._gain - softer, offers=offers)

    def cue(self, breath: Literal["in", "out"]) -> Say | Cue:
        """What marks a breath: a word, or a soft tone where the person chose tones."""
        if self.person.breath == "tones":
            return Cue(breath, self._gain)
        return self.line(f"breathe_{breath}")

    def counted(self, name: str, count: int) -> str:
        """A count with its noun: "one night", "twelve nights"; the last form is for all others."""
        forms = self._pack.lines[name]
        return forms[min(count, len(forms)) - 1].format(count=self._count(count))

    def _count(self, said: str | int) -> str:
        if isinstance(said, str):
            return said
        numbers = self._pack.lines["numbers"]
        return numbers[min(said, len(numbers) - 1)]

    @property
    def _gain(self) -> float:
        return self.delivery.gain + (OVERHEARD_GAIN if self.hushed else 0.0)

    def greeting(self) -> Say:
        """The first words, with the person's name only if they gave it."""
        name = self.person.own_name
        return self.line("greeting_by_name", name=name) if name else self.line("greeting")

    def reply(self, intent: str) -> Say:
        """A control's own words, or a sign of listening."""
        return self._one_of(intent, self._pack.intents[intent].replies)

    def choice(self) -> Say:
        """A sign of listening that offers two things."""
        return self._one_of("choices", self._pack.intents["none"].choices)

    def answer(self, intent: Intent, ex_word: str | None) -> Say:
        """A reframe; from the second urge of a night, once, behind the person's own plan."""
        reply = self._one_of(intent.id, intent.replies, self.person.word_for_ex(ex_word))
        if intent.group != "urge":
            return reply
        self._urges += 1
        plan = self.person.plan
        if plan is None or self._plan_said or self._urges < SAYS_PLAN_FROM:
            return reply
        self._plan_said = True
        return together(self.line("plan_said_back", plan=plan), reply)

    def script(self, name: str, /, *, softer: float = 0.0, **_: str | int) -> Say:
        """The words of a safety script, numbers filled in."""
        numbers = {kind: self._number(kind) for kind in ("suicide", "emergency")}
        spoken = [sentence.format(**numbers) for sentence in self._pack.scripts[name]]
        parts = sentences(*map(_begun, spoken))
        private = name in OVERHEARD
        gain = self.delivery.gain - softer + (OVERHEARD_GAIN if private or self.hushed else 0.0)
        offers = self._pack.offers.get(name, ())
        return Say(parts, self.delivery.steady_pace, gain, private, offers)

    def _one_of(self, topic: str, replies: tuple[Reply, ...], ex_word: str | None = None) -> Say:
        reply = self._chooser.choose(topic, speakable(replies, ex_word))
        parts = as_parts(reply, ex_word)
        return Say(parts, self.delivery.pace, self._gain, offers=reply.offers)

    def _number(self, kind: str) -> str:
        known = [line for line in self._pack.helplines if line.country == self.person.country]
        for wanted in (kind, "emergency"):
            for line in known:
                if line.kind == wanted and line.speak:
                    return ", ".join(line.spoken)
        return "your local emergency number"


def _begun(sentence: str) -> str:
    """A sentence that may begin with what was filled in, with its capital."""
    return sentence[0].upper() + sentence[1:]
