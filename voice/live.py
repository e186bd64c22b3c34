"""The microphone session: real devices around the loop, and what is shown meanwhile."""

import json
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Literal

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lowtide.intents.acts import Set
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.pack import Pack
from lowtide.voice import service
from lowtide.voice.ahead import Ahead, everything
from lowtide.voice.ears import Ears
from lowtide.voice.engines import recogniser
from lowtide.voice.hearing import as_json
from lowtide.voice.keeping import Keeping
from lowtide.voice.mouth import Mouth
from lowtide.voice.own_voice import Recorder
from lowtide.voice.packs import Soon
from lowtide.voice.prompts import Prompts, cache_folder
from lowtide.voice.session import Decided, Done, Event, Heard, Listening, Session
from lowtide.voice.settings import Settings
from lowtide.voice.soundcard import SoundCard
from lowtide.voice.synthesis import Synthesis, Voice
from lowtide.voice.waking import Pokes, Waking

Show = Literal["live", "plain", "json", "quiet"]
LINES_EVERY = 4
"""Frames between two refreshes of the live line: about eight a second."""
METER = 24
"""Cells of the level meter, from -60 to 0 dBFS."""


def talk_live(settings: Settings, pack: Pack, show: Show, *, setting_up: bool = False) -> None:
    """Talk until Ctrl-C, or set up until that is done.

    Raises:
        Trouble: A device, the engine or the voice can't be had.
    """
    card = SoundCard(
        settings.microphone, settings.speaker, _tell, cancel_echo=settings.barge_in == "stop"
    )
    understander = Soon(pack)
    engine = recogniser(settings.engine, settings.vosk_model)
    synthesis = Synthesis()
    prompts = Prompts(cache_folder(), synthesis, Voice(settings.voice))
    recorder = Recorder(card)
    keeping = Keeping(settings, recorder)
    dialogue = Dialogue(
        pack,
        person=keeping.person(),
        hour=_hour(),
        setting_up=setting_up,
        history=keeping.history,
        can_record=True,
    )
    keeping.failed = dialogue.failed
    session = Session(
        Ears(engine),
        understander,
        dialogue,
        Mouth(prompts, card, lambda: keeping.recording),
        barge_in=settings.barge_in,
        waking=None if setting_up else Waking(settings.waking),
    )
    try:
        says = everything(pack, keeping.person())
        ahead = Ahead(dialogue.urgent(), says, prompts, settings.voice)
        with card, ahead, Pokes() as pokes:
            about = f"Hearing with {engine.name} on {card.microphone}. Ctrl-C ends."
            events = _checked(session.converse(recorder, greet=True), understander, ahead)
            events = _kept(_woken(session, events, pokes), keeping, recorder)
            service.notify("READY=1")
            if setting_up:
                events = _until_idle(dialogue, events)
            _shown(show, about, events, captions=settings.captions or setting_up)
    except KeyboardInterrupt:
        pass  # The person's way to end a session; nothing needs to be saved.
    finally:
        engine.close()
        synthesis.close()
        keeping.close()


def _tell(line: str) -> None:
    """One line about the devices."""
    Console(stderr=True).print(line, markup=False)


def _hour() -> float:
    """Of the day, 0 to 24, on the person's clock."""
    now = time.localtime()
    return now.tm_hour + now.tm_min / 60


def _checked(events: Iterable[Event], *begun: Soon | Ahead) -> Iterator[Event]:
    """The events, as long as what was begun beside them goes well."""
    for event in events:
        yield event
        for each in begun:
            each.check()


def _woken(session: Session, events: Iterable[Event], pokes: Pokes) -> Iterator[Event]:
    """The events, and between them what a poke brings; systemd is told that we are alive."""
    for count, event in enumerate(events):
        yield event
        if isinstance(event, Listening):
            if pokes.taken():
                yield from session.wake(event.now)
            if count % service.TELLS_EVERY == 0:
                service.notify("WATCHDOG=1")


def _kept(events: Iterable[Event], keeping: Keeping, recorder: Recorder) -> Iterator[Event]:
    """The events; what was chosen and noted in them is written down, as far as it was agreed."""
    for event in events:
        if isinstance(event, Decided):
            keeping.acts(event.acts)
        elif isinstance(event, Heard) and event.turn.utterance is not None:
            recorder.heard(event.turn.utterance)
        yield event


def _until_idle(dialogue: Dialogue, events: Iterable[Event]) -> Iterator[Event]:
    for event in events:
        yield event
        if dialogue.state == "idle":
            return


def _shown(show: Show, about: str, events: Iterator[Event], *, captions: bool) -> None:
    if show == "json":
        Console(stderr=True).print(about)
        _as_json(events)
    elif show == "plain":
        _plain(about, events)
    elif show == "quiet":
        Console(stderr=True).print(about)
        deque(events, maxlen=0)
    else:
        _live(about, events, captions=captions)


def _as_json(events: Iterable[Event]) -> None:
    print(json.dumps({"listening": True}), flush=True)  # noqa: T201 - the output itself
    for event in events:
        if isinstance(event, Done):
            print(json.dumps(as_json(event.turn)), flush=True)  # noqa: T201


def _plain(about: str, events: Iterable[Event]) -> None:
    print(f"{about}\nListening.", flush=True)  # noqa: T201 - the output itself
    for event in events:
        for line in _lines(event):
            print(line, flush=True)  # noqa: T201


def _lines(event: Event) -> Iterator[str]:
    """What a screen reader reads of an event."""
    if isinstance(event, Heard) and event.turn.understanding is not None:
        yield f"Heard: {event.turn.understanding.text}. Meaning: {event.turn.understanding.intent}."
        if event.turn.reply:
            yield f"Answer: {event.turn.reply}"
    elif isinstance(event, Done) and event.turn.utterance is None:
        yield f"Says: {event.turn.reply}"  # Into a silence: a greeting, a question, a check-in.


def _live(about: str, events: Iterable[Event], *, captions: bool) -> None:
    console = Console()
    hint = "" if captions else ' Say "captions on" to see the words.'
    console.print(Text(about + hint, style="dim"))
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        for event in events:
            if isinstance(event, Listening):
                if round(event.now / 0.032) % LINES_EVERY == 0:
                    live.update(_line(event))
            elif isinstance(event, Decided):
                captions = next(_captions(event), captions)
            elif captions:
                for line in _lines(event):
                    console.print(Text(line))


def _captions(event: Decided) -> Iterator[bool]:
    """The choice about captions, where one was made."""
    return (bool(act.value) for act in event.acts if isinstance(act, Set) and act.key == "captions")


def _line(event: Listening) -> Text:
    state = "speaking" if event.saying else "hearing you" if event.hearing else "listening"
    full = max(0, min(METER, round((event.decibels + 60) / 60 * METER)))
    return Text(f"{'▪' * full:<{METER}}  {state}", style="dim")
