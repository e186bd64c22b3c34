"""Set-up: the same conversation, by voice through the microphone session, or by keys."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rich.console import Console

from lowtide.intents.acts import Act, KeepRecording, Say, Set
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis
from lowtide.intents.flows.setup import FOR_AN_ANSWER
from lowtide.intents.pack import Pack
from lowtide.intents.understanding import Understander
from lowtide.voice.errors import BadRecording, NoMicrophone, NoSpeaker, NoVoice
from lowtide.voice.live import Show, talk_live
from lowtide.voice.own_voice import copied, levelled, named
from lowtide.voice.settings import Settings, keep


def by_voice(settings: Settings, pack: Pack, show: Show) -> bool:
    """Set up by voice; false where there is nothing to hear or to speak with.

    Raises:
        Trouble: The engine can't be had.
    """
    try:
        talk_live(settings, pack, show, setting_up=True)
    except (NoMicrophone, NoSpeaker, NoVoice) as error:
        Console(stderr=True).print(f"{error} Until then, by keys:", markup=False)
        return False
    return True


def by_keys(
    settings: Settings, pack: Pack, understander: Understander, answers: Iterable[str]
) -> Iterator[str]:
    """Set up with an answer a line; an empty line passes a question over, as silence does.

    Raises:
        BadSettings: The settings file can't be written over as it is.
        BadFolder: It can't be written at all.
    """
    dialogue = Dialogue(pack, person=settings.person(), setting_up=True, sound_file=_sound_file)
    now = 0.0
    yield from _said(dialogue.greet())
    dialogue.said(now)
    for line in answers:
        now += FOR_AN_ANSWER
        if words := line.strip():
            acts = dialogue.hear(understander.understand([Hypothesis(words)]), now)
        else:
            acts = dialogue.tick(now)
        while acts:
            keep(_copied(acts))
            yield from _said(acts)
            dialogue.said(now)
            acts = dialogue.tick(now)  # The last words are not followed by a question.
        if dialogue.state == "idle":
            return


def _sound_file(words: str) -> str | None:
    """The sound file that is named, if it can be played; if not, why, in one line."""
    try:
        path = named(words)
        levelled(path)
    except BadRecording as error:
        Console(stderr=True).print(f"lowtide: {error}", markup=False, soft_wrap=True)
        return None
    return str(path)


def _copied(acts: Iterable[Act]) -> Iterator[Act]:
    """A file that was named becomes the recording, and so a setting."""
    for act in acts:
        if isinstance(act, KeepRecording) and act.file:
            yield Set("recording", str(copied(Path(act.file))))
        else:
            yield act


def _said(acts: Iterable[Act]) -> Iterator[str]:
    return (act.text for act in acts if isinstance(act, Say))
