"""A few words in the person's own voice, or a friend's, recorded by day for a hard moment."""

from collections.abc import Collection, Generator

from lowtide.intents.acts import KeepRecording, Record
from lowtide.intents.events import Understanding
from lowtide.intents.flows import Answer, Ask, Until, Words
from lowtide.intents.text import canonical

FOR_AN_ANSWER = 30.0
"""Seconds of silence after which nothing is recorded, and nothing is kept."""


def record(words: Words, keep: Collection[str]) -> Generator[Ask | Until, Answer, bool]:
    """Listen to one message, and keep its sound if that is said plainly; whether it is kept.

    Args:
        words: The lines.
        keep: Words, in canonical form, that keep it; nothing else does.
    """
    ask = (words("recording_ask"), Record())
    answer = yield Ask(ask, within=FOR_AN_ANSWER, name="recording", takes=all_but_stop)
    if answer.heard is not None:

        def keeps(said: Understanding) -> bool:
            return canonical(said.text) in keep

        answer = yield Ask((words("recording_check"),), within=FOR_AN_ANSWER, takes=keeps)
        if answer.words in keep:
            yield Until((KeepRecording(), words("recording_kept")), 0.0)
            return True
    yield Until((words("recording_dropped"),), 0.0)
    return False


def all_but_stop(heard: Understanding) -> bool:
    """What is said, or typed, is not for us, whatever it would mean."""
    return heard.intent != "stop"
