"""The conversation: what is heard, the end of our own voice, and time give acts. No I/O, no clock.

Rules of the house, in the order in which they are asked (`_heard`):
1. An alarm of the safety net starts or moves the safety script, from every state.
2. Asleep, only the wake phrase is answered.
3. What a script is waiting for (`takes`), or an answer to what our last words offered, comes first.
4. A wish about a setting is granted, but for what is said to somebody else (`HEARD_OUT`).
5. `EVERYWHERE`: what holds in every state (stop, louder, repeat, good night).
6. A script that has asked something, or watches for it, is sent the answer. `SCRIPTS` start from
   every state, but for those in which they would break off something said (`BEGIN_IN`).
7. Everything else is answered by its intent's own words; `none` by a short sign of listening.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Literal

from lowtide.intents.acts import Act, Forget, KeepLetter, KeepRecording, Note, Play, Say, Set, Stop
from lowtide.intents.closing import Closing
from lowtide.intents.delivery import GAIN_STEP, PACE_STEP
from lowtide.intents.events import Alarm, Change, Understanding
from lowtide.intents.flows import Answer, AnyFlow, Ask, Flow, Until, WhileSilent
from lowtide.intents.flows.breathing import BREATHS, breathe, breaths_named
from lowtide.intents.flows.recording import record
from lowtide.intents.flows.safety import CLEAR, QUESTION, keep_safe
from lowtide.intents.flows.setup import SoundFile, confirm, set_up
from lowtide.intents.flows.stay import length, offer_company, stay_with_me
from lowtide.intents.flows.venting import unsent_letter, vent
from lowtide.intents.history import History
from lowtide.intents.looking_back import looking_back
from lowtide.intents.pack import ANSWERING, Intent, Pack
from lowtide.intents.person import Moment, Person
from lowtide.intents.settings import SettingPhrases
from lowtide.intents.speech import Speech
from lowtide.intents.text import canonical
from lowtide.intents.vigil import Vigil

State = Literal[
    "idle",
    "asleep",
    "safety",
    "urge",
    "staying",
    "breathing",
    "venting",
    "letter",
    "recording",
    "setup",
]

NO_INPUT = 10.0
"""Seconds of silence after a reply before the one gentle prompt; DESIGN.md section 5."""
SAME_AGAIN = 4
"""From this turn of one intent in a night there are no more reframes; DESIGN.md section 5."""
CHOICE_EVERY = 3
"""Every third sign of listening in a row offers a choice of two things."""
DOZES_SOFTER = 6.0
"""dB by which the last words before sleep are softer: the person may be asleep already."""
LONG_PATIENCE: frozenset[State] = frozenset({"venting", "letter", "recording"})
"""States in which a pause does not end what somebody says."""
ANSWERED_AT_ONCE: frozenset[State] = frozenset({"asleep", "safety", "setup", "recording"})
"""States in which nobody has to say that they are done."""
HEARD_OUT: frozenset[State] = LONG_PATIENCE | {"setup"}
"""States in which "his name is Tom" or "you cut me off" is a part of what is told."""
NAMES = frozenset({"own_name", "ex_name"})
"""What may be told as well as wished for: "his name is Tom"."""
BEGIN_IN: Mapping[State, frozenset[str]] = {
    "safety": frozenset(),
    "setup": frozenset(),
    "recording": frozenset(),
    "letter": frozenset({"breathe"}),
}
"""Scripts that may begin in these states: "please don't go" in a letter is for somebody else."""
MANNER = frozenset({"louder", "quieter", "slower", "faster", "repeat"})
"""How something is said: what was offered before still stands after it."""
ORDINALS = ("first", "second", "third")
SECOND_PULL = 2
"""Urge of a night at which the person's own recording is played, if they chose that."""


class Dialogue:
    """One night's conversation. The same seed, words and times give the same acts.

    Args:
        pack: What can be said.
        seed: Of the choice of words.
        country: Two letters, where it is known apart from the person.
        person: What they chose for themselves.
        hour: Of the day (0 to 24) at second 0, for night mode by the clock.
        setting_up: Whether the first words begin set-up.
        history: What the journal says by now, None without one.
        can_record: Whether there is a microphone whose sound can be kept.
        sound_file: For set-up without one: finds the sound file that is named.
        keeps: Whether anything can be written down here; where not, nothing is promised.
        speaks_first: Whether we can speak into a silence; where not, company and breathing are
            what can be said at once.
    """

    def __init__(  # noqa: PLR0913
        self,
        pack: Pack,
        *,
        seed: int = 0,
        country: str | None = None,
        person: Person | None = None,
        hour: float | None = None,
        setting_up: bool = False,
        history: Callable[[], History | None] = lambda: None,
        can_record: bool = False,
        sound_file: SoundFile | None = None,
        keeps: bool = True,
        speaks_first: bool = True,
    ) -> None:
        self._pack = pack
        person = person or Person()
        known = person if country is None else replace(person, country=country)
        self._speech = Speech(pack, seed, known)
        self._delivery = self._speech.delivery
        self._hour = hour
        self._setting_up = setting_up
        self._history = history
        self._can_record = can_record
        self._sound_file = sound_file
        self._keeps = keeps
        self._offered: tuple[str, ...] = ()
        self._letter_kept = self._played = self._breathed = False
        self._taken_back = ""
        self._urges = 0
        self._last: Say | None = None
        self._times_heard: dict[str, int] = {}
        self._nones_in_a_row = 0
        self._vigil = Vigil()
        self.closing = Closing(pack)
        """The words that end what is told, where the person wants that."""
        self._plain_no, self._put_right = (
            frozenset(map(canonical, pack.lines[name])) for name in ("plain_no", "put_right")
        )
        self._state: State = "idle"
        self._flow: AnyFlow | None = None
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
            "slower": lambda: self._faster(1 / PACE_STEP),
            "faster": lambda: self._faster(PACE_STEP),
            "good_night": self._good_night,
        }
        self._scripts: Mapping[str, Callable[[str], tuple[Act, ...]]] = {
            "stay_with_me": self._stay,
            "breathe": self._breathe,
            "vent": self._vent,
            "unsent_letter": self._letter,
        }
        self._deeds: Mapping[str, Callable[[], tuple[Act, ...]]] = {
            "play_recording": self._play,
            "record": self._record,
            "say_plan": self._say_plan,
        }
        if not speaks_first:
            self._scripts = {key: self._scripts[key] for key in ("vent", "unsent_letter")}
        self._themes = {intent.id: intent.theme for intent in pack.intents.values() if intent.theme}

    @property
    def state(self) -> State:
        """Where the conversation is."""
        return self._state

    @property
    def person(self) -> Person:
        """What the person has chosen by now."""
        return self._speech.person

    @property
    def in_danger(self) -> bool:
        """Whether danger was heard this night; nothing takes that back."""
        return self._vigil.intent is not None

    @property
    def patient(self) -> bool:
        """Whether a long pause belongs to what is being said."""
        return self._state in LONG_PATIENCE and self._is_told()

    @property
    def until_done(self) -> bool:
        """Whether the person ends what they say by saying so."""
        return self.person.patience == "until_done" and self._state not in ANSWERED_AT_ONCE

    def ends(self, heard: Understanding) -> bool:
        """Whether these words end something, so that they count while our own voice sounds too.

        In breathing that is whatever it waits for: its cues come at the very moments in which
        somebody dizzy says so.
        """
        if heard.intent in ("stop", "good_night"):
            return True
        step = self._step
        return self._state == "breathing" and isinstance(step, Until) and step.takes(heard)

    def urgent(self) -> tuple[Say, ...]:
        """The words for danger, which must sound at once and so are rendered ahead."""
        return tuple(self._speech.script(name) for name in self._pack.scripts)

    def greet(self) -> tuple[Act, ...]:
        """The first words of a session."""
        self._pass(0.0)
        if self._setting_up:
            keep = self._pack.answers["keep"] if self._can_record else ()
            phrases = SettingPhrases(self._pack)
            flow = set_up(self._speech.line, phrases, keep, self._sound_file)
            return self._start("setup", flow)
        return self._emitted((self._speech.greeting(),))

    def hear(self, heard: Understanding, now: float) -> tuple[Act, ...]:
        """Answer an utterance that ended at `now` (seconds on the session's clock)."""
        self._pass(now)
        if heard.change is not None:
            heard = replace(heard, change=self.person.resolved(heard.change))
        if self._state == "asleep" and heard.alarm is None:
            return self._in_sleep(heard)
        self._delivery.hear(heard.loudness)
        self._quiet_since = now
        self._prompts_left = []
        acts, offered = self._heard(heard), self._offered
        self._offered = offered if heard.intent in MANNER else ()
        return self._emitted(acts)

    def said(self, now: float) -> tuple[Act, ...]:
        """Our own voice has really ended at `now`: patience counts from here."""
        self._pass(now)
        if not self._prompting:
            self._quiet_since = now
            self._set_due()
        self._prompting = False
        return ()

    def tick(self, now: float) -> tuple[Act, ...]:
        """Let time pass."""
        self._pass(now)
        if self._taken_back:
            line, self._taken_back = self._speech.line(self._taken_back), ""
            return self._emitted((line,))
        if self._step is not None and self._due is None:
            self._set_due()  # The step said nothing: its time counts from here.
        if self._is_due(now):
            self._quiet_since = now
            return self._emitted(self._send(None))
        if self._may_look() and (script := self._vigil.look_again(now)):
            return self._emitted(self._keep_safe(script))
        if self._quiet_since is None:
            return ()
        if self._prompts_left and now - self._quiet_since >= self._prompts_left[0].after:
            self._prompting = True
            prompt = self._prompts_left.pop(0).acts
            self._remember(prompt)
            return prompt
        return ()

    def failed(self, act: Act) -> None:
        """What was said to be kept or deleted could not be: it is taken back as soon as may be."""
        deletes = isinstance(act, Forget) or act == Set("recording", None)
        self._taken_back = "not_deleted" if deletes else "not_kept"

    def sleep(self) -> None:
        """Begin asleep: only the wake phrase, or being woken, is answered."""
        self._state = "asleep"

    def doze(self, now: float) -> tuple[Act, ...]:
        """Nobody has spoken for long: say so softly and sleep; where there is danger, stay."""
        self._pass(now)
        if self._state in ("asleep", "safety"):
            return ()
        self._leave()
        self._state = "asleep"
        return self._emitted((self._speech.line("asleep", softer=DOZES_SOFTER),))

    def wake(self, now: float) -> tuple[Act, ...]:
        """Somebody woke us by other means than words."""
        self._pass(now)
        return self._emitted(self._wake()) if self._state == "asleep" else ()

    def _pass(self, now: float) -> None:
        self._now = now
        hour = None if self._hour is None else (self._hour + now / 3600) % 24
        self._delivery.pass_time(now, night=self.person.has_night(hour))

    def _heard(self, heard: Understanding) -> tuple[Act, ...]:
        if heard.alarm is not None and self._vigil.counts(heard.alarm):
            return self._in_safety(heard.alarm, heard)
        if heard.alarm is not None:
            heard = replace(heard, alarm=None, intent=heard.beneath)
        step = self._step
        if step is not None and step.takes(heard):
            return self._send(heard)
        if chosen := self._chosen(heard):
            return self._begin(chosen, heard)
        if begin := self._at_once(heard):
            return begin()
        if isinstance(step, Ask) or (isinstance(step, Until) and heard.intent in step.watch):
            return self._send(heard)
        return self._answer(heard)

    def _at_once(self, heard: Understanding) -> Callable[[], tuple[Act, ...]] | None:
        """What answers these words whatever was being talked about."""
        if heard.change is not None and self._grants(heard.change):
            return partial(self._granted, heard.change)
        if self._state == "setup" and heard.intent == "good_night":
            return None  # "I will go to sleep" is a plan.
        begins = BEGIN_IN.get(self._state, frozenset(self._scripts))
        if self._state != "safety" and not self._is_told():
            begins = frozenset(self._scripts)
        if heard.intent in begins:
            return partial(self._scripts[heard.intent], heard.text)
        if heard.intent == "help" and self._state in ("urge", "staying"):
            return partial(self._sign, "help", heard)  # It is no answer to what was asked.
        if self.patient and heard.intent != "stop" and not heard.known:
            return None  # "Good night, my love" ends a letter, and no night.
        return self._everywhere.get(heard.intent)

    def _chosen(self, heard: Understanding) -> str | None:
        """What these words take of what was offered a moment ago."""
        words, answers = canonical(heard.text), self._pack.answers
        for ordinal, offer in zip(ORDINALS, self._offered, strict=False):
            if words in answers[ordinal] or words in answers[offer]:
                return offer
        if self._offered and heard.intent == "yes" and heard.change is None:
            return self._offered[0]
        return next((each for each in self._offered if words in answers[each]), None)

    def _begin(self, offer: str, heard: Understanding) -> tuple[Act, ...]:
        waits = isinstance(self._step, Until) and "no" in self._step.watch
        if offer == "quiet" and waits:  # Quiet is wanted of the company, and not its end.
            return self._send(replace(heard, text="no", intent="no"))
        if offer in self._scripts:
            return self._scripts[offer]("")
        if offer in self._everywhere:
            return self._everywhere[offer]()
        quiet = (self._speech.line("quiet_presence"),)
        if self._vigil.intent is not None:
            self._leave()
            return quiet
        return self._start("idle", _once(quiet))

    def _emitted(self, acts: tuple[Act, ...]) -> tuple[Act, ...]:
        """Acts on their way out: what they set, what can be repeated, what silence brings."""
        for act in acts:
            if isinstance(act, Set):
                self._speech.choose(act)
            elif isinstance(act, KeepRecording):
                self._speech.choose(Set("recording", value=True))
            self._letter_kept = self._letter_kept or isinstance(act, KeepLetter)
            if isinstance(act, Say) and act.offers:
                self._offered = act.offers
        if not self.person.journal:
            acts = tuple(act for act in acts if not isinstance(act, Note))
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
        if self._vigil.intent is not None:
            return self._vigil.company(self._speech.script)
        return [WhileSilent(NO_INPUT, (self._speech.line("still_here"),))]

    # What holds in every state

    def _stop(self) -> tuple[Act, ...]:
        if self._state != "safety":
            self._leave()
        return (Stop(),)

    def _in_sleep(self, heard: Understanding) -> tuple[Act, ...]:
        if heard.intent == "stop":
            self._prompts_left = []
            return (Stop(),)
        if heard.wakes and heard.intent in self._scripts and self._flow is None:
            self._state = "idle"  # "Low tide, stay with me", in one breath.
            return self._emitted(self._scripts[heard.intent](heard.text))
        return self._emitted(self._wake()) if heard.wakes else ()

    def _wake(self) -> tuple[Act, ...]:
        self._state = "safety" if self._flow is not None else "idle"
        return (self._speech.line("awake_again"),)

    def _repeat(self) -> tuple[Act, ...]:
        if self._last is None:
            return (self._speech.line("nothing_to_repeat"),)
        return (replace(self._last, words_per_minute=round(self._delivery.pace / PACE_STEP)),)

    def _louder(self, step: float) -> tuple[Act, ...]:
        if not self._delivery.louder(step):
            return (self._speech.line("as_loud_as_i_go" if step > 0 else "as_quiet_as_i_go"),)
        return (self._speech.reply("louder" if step > 0 else "quieter"),)

    def _faster(self, factor: float) -> tuple[Act, ...]:
        if not self._delivery.faster(factor):
            return (self._speech.line("as_fast_as_i_go" if factor > 1 else "as_slow_as_i_go"),)
        return (self._speech.reply("faster" if factor > 1 else "slower"),)

    def _good_night(self) -> tuple[Act, ...]:
        if self._state != "safety":
            self._leave()
        self._state = "asleep"
        # Where somebody may be overheard, "good night" is the way out into silence.
        return (Stop(),) if self._vigil.overheard else (self._speech.reply("good_night"),)

    # What the person chooses

    def _grants(self, change: Change) -> bool:
        """Whether words like these are about a setting, here, and not about somebody's life."""
        if self._state in HEARD_OUT and self._is_told():
            return False
        if change.line == "the_recording_gone" and not self.person.recording:
            return False
        if change.line == "something_else" and self._vigil.intent is not None:
            return False
        if self._asks(change) and (self._state == "safety" or change.key in NAMES):
            return self._is_free()
        # "Sorry", or "who are you", is an answer to what was asked about danger.
        return self._state != "safety" or bool(change.key and not change.said)

    def _asks(self, change: Change) -> bool:
        """Whether granting it begins a conversation of its own."""
        return change.ask or change.line == "record"

    def _is_free(self) -> bool:
        """Whether a question about a setting may come now; where something lasts, it waits."""
        if isinstance(self._step, Until):
            return self._state != "breathing" and not self._step.after_quiet
        return self._state in ("idle", "urge")

    def _is_told(self) -> bool:
        """Whether a script is listening to what is told; after its last words anything may come."""
        return isinstance(self._step, Ask)

    def _granted(self, change: Change) -> tuple[Act, ...]:
        if self._asks(change) and not self._is_free():
            return (self._speech.line("change_later"),)
        if change.key == "recording" and not self.person.recording:
            return (self._speech.line("recording_none"),)
        if change.key == "journal" and change.value and not self._keeps:
            return (self._speech.line("journal_cannot"),)
        if change.ask:
            return self._start("idle", confirm(self._speech.line, change))
        if change.line in self._deeds:
            return self._deeds[change.line]()
        said = self._speech.line(change.line, said=change.said)
        return (Set(change.key, change.value), said) if change.key else (said,)

    # Danger

    def _in_safety(self, alarm: Alarm, heard: Understanding) -> tuple[Act, ...]:
        step, same = self._step, self._vigil.notice(alarm)
        known = self._state == "safety" and same and isinstance(step, Ask)
        if known and alarm.script in (getattr(step, "name", ""), *QUESTION.values()):
            return self._send(heard)
        return self._keep_safe(alarm.script)

    def _keep_safe(self, script: str) -> tuple[Act, ...]:
        flow = keep_safe(script, self._speech.script, self._plain_no, self._put_right)
        return self._start("safety", flow)

    def _may_look(self) -> bool:
        """Whether nothing graver is being said, and nobody would be woken."""
        answered = isinstance(self._step, Ask) and self._step.name == "after_denial"
        return self._state not in ("asleep", "safety") or (self._state == "safety" and answered)

    # Scripts

    def _start(self, state: State, flow: AnyFlow) -> tuple[Act, ...]:
        self._leave()
        self._flow, self._state = flow, state
        return self._take(next(flow))

    def _send(self, heard: Understanding | None) -> tuple[Act, ...]:
        assert self._flow is not None
        try:
            return self._take(self._flow.send(Answer(heard, self._now)))
        except StopIteration:
            self._leave()
            if heard is not None and heard.alarm is not None:  # Said again when all was said.
                return self._keep_safe(CLEAR[heard.alarm.intent])
            return () if heard is None else self._answer(heard)

    def _take(self, step: Ask | Until) -> tuple[Act, ...]:
        self._step, self._due = step, None
        if self._state == "safety" and isinstance(step, Ask):
            self._vigil.said(step.name, self._now)
            self._speech.in_danger, self._speech.hushed = True, self._vigil.overheard
        return step.acts

    def _leave(self) -> None:
        if self._flow is not None:
            self._flow.close()
        self._flow, self._step, self._due, self._state = None, None, None, "idle"

    def _is_due(self, now: float) -> bool:
        """Whether the script goes on; a sign of presence breaks into nothing."""
        if self._due is None or self._state == "asleep":
            return False
        quiet = self._step.after_quiet if isinstance(self._step, Until) else 0.0
        quiet_since = -quiet if self._quiet_since is None else self._quiet_since
        return now >= max(self._due, quiet_since + quiet)

    def _set_due(self) -> None:
        if self._step is not None and self._due is None:
            step = self._step
            seconds = step.seconds if isinstance(step, Until) else step.within
            self._due = None if seconds is None else self._now + seconds

    def _stay(self, words: str) -> tuple[Act, ...]:
        strong = partial(self._hard_moment, "strong")
        line, answers = self._speech.line, self._pack.answers
        return self._start("staying", stay_with_me(line, answers, strong, length(words)))

    def _breathe(self, words: str) -> tuple[Act, ...]:
        breaths = breaths_named(words) or BREATHS[self._breathed]
        self._breathed = True
        line, cue, answers = self._speech.line, self._speech.cue, self._pack.answers
        return self._start("breathing", breathe(line, cue, answers, breaths))

    def _vent(self, _: str) -> tuple[Act, ...]:
        done, rest = self._pack.answers["done"], self._pack.answers["rest"]
        return self._start("venting", vent(self._speech.line, self._themes, done, rest))

    def _letter(self, _: str) -> tuple[Act, ...]:
        may_keep = self._keeps and self._vigil.intent is None
        flow = unsent_letter(self._speech.line, self._pack.answers, may_keep=may_keep)
        return self._start("letter", flow)

    # The person's own recording

    def _record(self) -> tuple[Act, ...]:
        if not self._can_record:
            return (self._speech.line("recording_cannot"),)
        keep = self._pack.answers["keep"]
        return self._start("recording", record(self._speech.line, keep))

    def _play(self) -> tuple[Act, ...]:
        if not self.person.recording or self._vigil.overheard:
            return (self._speech.line("recording_none"),)
        return (self._speech.line("recording_here"), Play(self._delivery.gain))

    def _say_plan(self) -> tuple[Act, ...]:
        if self.person.plan is None:
            return (self._speech.line("plan_none"),)
        return (self._speech.line("plan_said_back", plan=self.person.plan),)

    def _hard_moment(self, moment: Moment) -> tuple[Act, ...]:
        """Their recording, once a night, at the moment that they chose for it."""
        person = self.person
        if not person.recording or person.recording_when != moment or self._played:
            return ()
        if self._vigil.intent is not None:
            return ()
        self._played = True
        return (self._speech.line("recording_first"), Play(self._delivery.gain))

    # Answers

    def _answer(self, heard: Understanding) -> tuple[Act, ...]:
        if heard.intent in self._scripts:
            return self._scripts[heard.intent](heard.text)
        intent = self._pack.intents[heard.intent]
        if intent.group not in ANSWERING:
            return self._sign(intent.id, heard)
        self._nones_in_a_row = 0
        if self._vigil.intent is not None:
            return (self._speech.reply("none"),)
        noted = _notes(intent.id)
        times = self._times_heard[intent.id] = self._times_heard.get(intent.id, 0) + 1
        if times >= SAME_AGAIN:
            return (self._speech.line("fourth_time"), *noted)
        if intent.group == "urge":
            return self._to_an_urge(intent, heard, noted)
        return (self._speech.answer(intent, heard.ex_word), *noted)

    def _to_an_urge(
        self, intent: Intent, heard: Understanding, noted: tuple[Note, ...]
    ) -> tuple[Act, ...]:
        self._urges += 1
        own = self._hard_moment("pull") if self._urges >= SECOND_PULL else ()
        acts = (*(own or (self._speech.answer(intent, heard.ex_word),)), *noted)
        if self._flow is not None:
            return acts
        strong = partial(self._hard_moment, "strong")
        line, answers = self._speech.line, self._pack.answers
        return self._start("urge", offer_company(acts, line, answers, strong))

    def _sign(self, intent: str, heard: Understanding) -> tuple[Act, ...]:
        """A control's own words, or a sign of listening."""
        if (
            intent == "forget_that"
            and canonical(heard.text) in self._pack.answers["keep_after_all"]
        ):
            intent = "yes"  # Nothing is deleted for "keep it", whoever misreads that.
        if self._vigil.intent is not None and intent in ("yes", "no"):
            intent = "none"  # "Nothing needs doing" is no answer on such a night.
        if intent == "forget_that":
            return self._forget()
        if intent == "how_am_i_doing":
            return (self._how_it_has_been(),)
        if intent == "none":
            return self._listening(heard)
        self._nones_in_a_row = 0
        return (self._speech.reply(intent),)

    def _listening(self, heard: Understanding) -> tuple[Act, ...]:
        """A sign of listening; every third in a row offers a choice."""
        if isinstance(self._step, Until) and self._step.deaf_to_none:
            return ()
        if heard.wakes:
            return (self._speech.line("are_you_there"),)
        self._nones_in_a_row += 1
        if self._nones_in_a_row % CHOICE_EVERY == 0 and self._flow is None:
            return (self._speech.choice(),)
        return (self._speech.reply("none"),)

    def _forget(self) -> tuple[Act, ...]:
        something = self._letter_kept or self.person.journal
        said = self._speech.line("forgotten") if something else self._speech.reply("forget_that")
        self._letter_kept = False
        return (Forget(), said)

    def _how_it_has_been(self) -> Say:
        """The journal's numbers; without any, and on a night of danger, none."""
        if self._vigil.intent is not None:
            return self._speech.reply("none")
        history = self._history() if self.person.journal else None
        said = looking_back(history, self._speech.line, self._speech.counted) if history else None
        return said or self._speech.reply("how_am_i_doing")


def _notes(intent: str) -> tuple[Note, ...]:
    """What the journal keeps of an answer: what it was about, and that it was a slip."""
    heard = (Note("heard", intent),)
    return (*heard, Note("slip", intent)) if intent == "i_contacted_him" else heard


def _once(acts: tuple[Act, ...]) -> Flow:
    """Say this, and leave the silence after it alone."""
    yield Until(acts, 0.0)
