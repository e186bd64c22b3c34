"""Recordings through the same loop as the microphone, on the virtual clock."""

from collections.abc import Iterator
from pathlib import Path

import soundfile

from lowtide.intents.dialogue import Dialogue
from lowtide.intents.pack import Pack
from lowtide.voice.ears import Ears
from lowtide.voice.engines import recogniser
from lowtide.voice.errors import BadFolder
from lowtide.voice.mouth import Mouth
from lowtide.voice.packs import understander
from lowtide.voice.prompts import Prompts, cache_folder
from lowtide.voice.recording import Recording
from lowtide.voice.session import Done, Session, Turn
from lowtide.voice.settings import Settings
from lowtide.voice.speaker import Timeline
from lowtide.voice.synthesis import PROMPT_RATE, Synthesis, Voice


class Hearing:
    """What is shared by the recordings of one run; each of them is a night of its own.

    Raises:
        Trouble: The engine or the voice can't be had.
    """

    def __init__(self, settings: Settings, pack: Pack, seed: int = 0) -> None:
        self.recogniser = recogniser(settings.engine, settings.vosk_model, recorded=True)
        self._settings = settings
        self._pack = pack
        self._seed = seed
        self._understander = understander(pack)
        self._synthesis = Synthesis()
        self._prompts = Prompts(cache_folder(), self._synthesis, Voice(settings.voice))

    def hear(self, path: Path, reply_audio: Path | None = None) -> Iterator[dict[str, object]]:
        """The turns of one recording, as `hear --json` prints them.

        Raises:
            BadRecording: The file can't be heard.
            BadFolder: The reply can't be written.
        """
        recording = Recording(path)
        timeline = Timeline()
        session = Session(
            Ears(self.recogniser),
            self._understander,
            Dialogue(self._pack, seed=self._seed, person=self._settings.person()),
            Mouth(self._prompts, timeline),
            barge_in=self._settings.barge_in,
        )
        for event in session.converse(recording):
            if isinstance(event, Done):
                yield as_json(event.turn, path)
        if reply_audio is not None:
            try:
                soundfile.write(reply_audio, timeline.mixed(), PROMPT_RATE, subtype="PCM_16")
            except (soundfile.LibsndfileError, OSError, TypeError, ValueError) as error:
                raise BadFolder(f"{reply_audio}: can't be written as a sound file.") from error

    def close(self) -> None:
        """End the workers."""
        self.recogniser.close()
        self._synthesis.close()


def as_json(turn: Turn, path: Path | None = None) -> dict[str, object]:
    """A turn in the form of DESIGN.md section 4; `text` is empty for words into a silence."""
    utterance, understanding = turn.utterance, turn.understanding
    hypotheses = utterance.hypotheses if utterance else ()
    return {
        "file": str(path) if path else None,
        "start": _seconds(utterance.start if utterance else None),
        "end": _seconds(utterance.end if utterance else None),
        "text": utterance.text if utterance else "",
        "alternatives": [
            {"text": each.text, "confidence": round(each.confidence, 3)} for each in hypotheses
        ],
        "intent": understanding.intent if understanding else None,
        "score": understanding.score if understanding else None,
        "tier": understanding.tier if understanding else None,
        "reply": turn.reply,
        "reply_start": _seconds(turn.reply_start),
        "reply_end": _seconds(turn.reply_end),
    }


def _seconds(time: float | None) -> float | None:
    return None if time is None else round(time, 3)
