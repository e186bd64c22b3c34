"""The conversation: what is heard, the end of our own voice, and time give acts. No I/O, no clock.

Rules of the house, in the order in which they are asked (`_heard`):
1. An alarm of the safety net starts or moves the safety script, from every state.
2. Asleep, only the wake phrase is answered.
3. `EVERYWHERE`: what holds in every state (stop, louder, repeat, good night).
4. A script that has asked something, or watches for it, is sent the answer. In danger nothing else
   starts; otherwise `SCRIPTS` start from every state and end what ran before.
5. Everything else is answered by its intent's own words; `none` by a short sign of listening.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from lowtide.intents.acts import Act, Say, Stop, sentences
from lowtide.intents.events import Alarm, Understanding
from lowtide.intents.flows import Answer, Ask, Flow, Until, WhileSilent
from lowtide.intents.flows.breathing import breathe
from lowtide.intents.flows.safety import OVERHEARD, QUESTION, keep_safe
from lowtide.intents.flows.stay import offer_company, stay_with_me
from lowtide.intents.flows.venting import unsent_letter, vent
from lowtide.intents.pack import ANSWERING, Pack, Reply
from lowtide.intents.replies import Chooser, as_parts, speakable, split

State = Literal["idle", "asleep", "safety", "urge", "staying", "breathing", "venting", "letter"]

NIGHT_RATE = 135
"""Words per minute; safety.md section 1.2: 130 to 140 at night."""
RATE_STEP = 1.15
SLOWEST, FASTEST = 90, 190
"""Words per minute; safety.md section 1.2."""
GAIN_STEP = 3.0
QUIETEST, LOUDEST = -18.0, 12.0
"""dB relative to the loudness prompts are made for."""
OVERHEARD_GAIN = -6.0
"""dB, for somebody who may be overheard; safety.md section 2.7."""
NO_INPUT = 10.0
"""Seconds of silence after a reply before the one gentle prompt; DESIGN.md section 5."""
SAME_AGAIN = 4
"""From this turn of one intent in a night there are no more reframes; DESIGN.md section 5."""
CHOICE_EVERY = 3
"""Every third sign of listening in a row offers a choice of two things."""
LONG_PATIENCE: frozenset[State] = frozenset({"venting", "letter"})
"""States in which a pause does not end what somebody says."""


class Dialogue:
    """One night's conversation. The same seed, words and times give the same acts."""

    def __init__(self, pack: Pack, *, seed: int = 0, country: str | None = None) -> None:
        self._pack = pack
        self._country = country
        self._chooser = Chooser(seed)
        self._rate = NIGHT_RATE
        self._gain = 0.0
        self._last: Say | None = None
        self._times_heard: dict[str, int] = {}
        self._nones_in_a_row = 0
        self._danger: str | None = None
        self._state: State = "idle"
        self._flow: Flow | None = None
        self._step: Ask | Until | None = None
        self._due: float | None = None
        self._now = 0.0
        self._quiet_since: float | None = None
        self._prompts_left: list[WhileSilent] = []
        self._prompting = False
        self._everywhere: Mapping[str, Callable[[], tuple[Act, ...]]] = {
            "stop": self._stop,
            "repeat": self._repeat,
            "louder": lambda: self._louder(GAIN_STEP),
            "quieter": lambda: self._louder(-GAIN_STEP),
            "slower": lambda: self._faster(1 / RATE_STEP),
            "faster": lambda: self._faster(RATE_STEP),
            "good_night": self._good_night,
        }
        self._scripts: Mapping[str, Callable[[], tuple[Act, ...]]] = {
            "stay_with_me": lambda: self._start("staying", stay_with_me(self._line)),
            "breathe": lambda: self._start("breathing", breathe(self._line)),
            "vent": lambda: self._start("venting", vent(self._line, self._themes)),
            "unsent_letter": lambda: self._start("letter", unsent_letter(self._line)),
        }
        self._themes = {intent.id: intent.theme for intent in pack.intents.values() if intent.theme}

    @property
    def state(self) -> State:
        """Where the conversation is."""
        return self._state

    @property
    def patient(self) -> bool:
        """Whether a long pause belongs to what is being said."""
        return self._state in LONG_PATIENCE

    def urgent(self) -> tuple[Say, ...]:
        """The words for danger, which must sound at once and so are rendered ahead."""
        return tuple(self._script(name) for name in self._pack.scripts)

    def greet(self) -> tuple[Act, ...]:
        """The first words of a session."""
        return (self._line("greeting"),)

    def hear(self, heard: Understanding, now: float) -> tuple[Act, ...]:
        """Answer an utterance that ended at `now` (seconds on the session's clock)."""
        self._now = self._quiet_since = now
        self._prompts_left = []
        return self._emitted(self._heard(heard))

    def said(self, now: float) -> tuple[Act, ...]:
        """Our own voice has really ended at `now`: patience counts from here."""
        self._now = now
        if not self._prompting:
            self._quiet_since = now
            self._set_due()
        self._prompting = False
        return ()

    def tick(self, now: float) -> tuple[Act, ...]:
        """Let time pass."""
        self._now = now
        if self._step is not None and self._due is None:
            self._set_due()  # The step said nothing: its time counts from here.
        if self._due is not None and now >= self._due and self._state != "asleep":
            self._quiet_since = now
            return self._emitted(self._send(None))
        if self._quiet_since is None:
            return ()
        if self._prompts_left and now - self._quiet_since >= self._prompts_left[0].after:
            self._prompting = True
            prompt = self._prompts_left.pop(0).acts
            self._remember(prompt)
            return prompt
        return ()

    def _heard(self, heard: Understanding) -> tuple[Act, ...]:
        if heard.alarm is not None:
            return self._in_safety(heard.alarm, heard)
        if self._state == "asleep":
            return self._wake() if heard.wakes else ()
        if heard.intent in self._everywhere:
            return self._everywhere[heard.intent]()
        step = self._step
        if self._state != "safety" and heard.intent in self._scripts:
            return self._scripts[heard.intent]()
        if isinstance(step, Ask) or (isinstance(step, Until) and heard.intent in step.watch):
            return self._send(heard)
        return self._answer(heard)

    def _emitted(self, acts: tuple[Act, ...]) -> tuple[Act, ...]:
        """Acts on their way out: what can be repeated, and what silence brings after them."""
        self._prompts_left = self._prompts_after(acts)
        self._remember(acts)
        return acts

    def _remember(self, acts: tuple[Act, ...]) -> None:
        for act in acts:
            if isinstance(act, Say):
                self._last = None if act.private else act

    def _prompts_after(self, acts: tuple[Act, ...]) -> list[WhileSilent]:
        """What silence brings after these acts: the script's own words, or one gentle prompt."""
        if isinstance(self._step, Ask):
            return list(self._step.while_silent) if Stop() not in acts else []
        idle = self._flow is None and self._state == "idle"
        if not idle or not any(isinstance(act, Say) for act in acts):
            return []
        return [WhileSilent(NO_INPUT, (self._line("still_here"),))]

    # What holds in every state

    def _stop(self) -> tuple[Act, ...]:
        if self._state != "safety":
            self._leave()
        return (Stop(),)

    def _wake(self) -> tuple[Act, ...]:
        self._state = "safety" if self._flow is not None else "idle"
        return (self._line("awake_again"),)

    def _repeat(self) -> tuple[Act, ...]:
        if self._last is None:
            return (self._line("nothing_to_repeat"),)
        return (replace(self._last, words_per_minute=round(self._rate / RATE_STEP)),)

    def _louder(self, step: float) -> tuple[Act, ...]:
        wanted = min(max(self._gain + step, QUIETEST), LOUDEST)
        if wanted == self._gain:
            return (self._line("as_loud_as_i_go" if step > 0 else "as_quiet_as_i_go"),)
        self._gain = wanted
        return (self._reply("louder" if step > 0 else "quieter"),)

    def _faster(self, factor: float) -> tuple[Act, ...]:
        wanted = round(min(max(self._rate * factor, SLOWEST), FASTEST))
        if wanted == self._rate:
            return (self._line("as_fast_as_i_go" if factor > 1 else "as_slow_as_i_go"),)
        self._rate = wanted
        return (self._reply("faster" if factor > 1 else "slower"),)

    def _good_night(self) -> tuple[Act, ...]:
        if self._state != "safety":
            self._leave()
        self._state = "asleep"
        return (self._reply("good_night"),)

    # Danger

    def _in_safety(self, alarm: Alarm, heard: Understanding) -> tuple[Act, ...]:
        step, same = self._step, alarm.intent == self._danger
        in_safety = self._state == "safety"
        self._danger = alarm.intent
        self._state = "safety"
        known = in_safety and same and isinstance(step, Ask)
        if known and alarm.script in (getattr(step, "name", ""), *QUESTION.values()):
            return self._send(heard)
        return self._start("safety", keep_safe(alarm.script, self._script))

    def _script(self, name: str, /, *, softer: float = 0.0, **_: str) -> Say:
        """The words of a safety script, numbers filled in."""
        numbers = {kind: self._number(kind) for kind in ("suicide", "emergency")}
        spoken = [sentence.format(**numbers) for sentence in self._pack.scripts[name]]
        parts = sentences(*(each[0].upper() + each[1:] for each in spoken))
        private = name in OVERHEARD
        gain = self._gain - softer + (OVERHEARD_GAIN if private else 0.0)
        return Say(parts, self._rate, gain, private)

    def _number(self, kind: str) -> str:
        known = [line for line in self._pack.helplines if line.country == self._country]
        for wanted in (kind, "emergency"):
            for line in known:
                if line.kind == wanted and line.speak:
                    return ", ".join(line.spoken)
        return "your local emergency number"

    # Scripts

    def _start(self, state: State, flow: Flow) -> tuple[Act, ...]:
        self._leave()
        self._flow, self._state = flow, state
        return self._take(next(flow))

    def _send(self, heard: Understanding | None) -> tuple[Act, ...]:
        assert self._flow is not None
        try:
            return self._take(self._flow.send(Answer(heard, self._now)))
        except StopIteration:
            self._leave()
            return () if heard is None else self._answer(heard)

    def _take(self, step: Ask | Until) -> tuple[Act, ...]:
        self._step, self._due = step, None
        return step.acts

    def _leave(self) -> None:
        if self._flow is not None:
            self._flow.close()
        self._flow, self._step, self._due, self._state = None, None, None, "idle"

    def _set_due(self) -> None:
        if self._step is not None and self._due is None:
            step = self._step
            seconds = step.seconds if isinstance(step, Until) else step.within
            self._due = None if seconds is None else self._now + seconds

    # Answers

    def _answer(self, heard: Understanding) -> tuple[Act, ...]:
        if heard.intent in self._scripts:
            return self._scripts[heard.intent]()
        intent = self._pack.intents[heard.intent]
        if intent.group not in ANSWERING:
            return self._sign(intent.id)
        self._nones_in_a_row = 0
        if self._danger is not None:
            return (self._reply("none"),)
        times = self._times_heard[intent.id] = self._times_heard.get(intent.id, 0) + 1
        if times >= SAME_AGAIN:
            return (self._line("fourth_time"),)
        reply = (self._speak(intent.id, intent.replies, heard.ex_word),)
        if intent.group == "urge" and self._flow is None:
            return self._start("urge", offer_company(reply, self._line))
        return reply

    def _sign(self, intent: str) -> tuple[Act, ...]:
        """A control's own words, or a sign of listening."""
        if intent != "none":
            self._nones_in_a_row = 0
            return (self._reply(intent),)
        if isinstance(self._step, Until) and self._step.deaf_to_none:
            return ()
        self._nones_in_a_row += 1
        if self._nones_in_a_row % CHOICE_EVERY == 0 and self._flow is None:
            return (self._speak("choices", self._pack.intents["none"].choices),)
        return (self._reply("none"),)

    def _reply(self, intent: str) -> Say:
        return self._speak(intent, self._pack.intents[intent].replies)

    def _speak(self, topic: str, replies: tuple[Reply, ...], ex_word: str | None = None) -> Say:
        reply = self._chooser.choose(topic, speakable(replies, ex_word))
        return Say(as_parts(reply, ex_word), self._rate, self._gain)

    def _line(self, name: str, /, *, softer: float = 0.0, **slots: str) -> Say:
        """A line that belongs to no intent."""
        line = self._chooser.choose(name, self._pack.lines[name]).format(**slots)
        return Say(sentences(*split(line)), self._rate, self._gain - softer)
