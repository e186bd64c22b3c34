"""Writes down what the core asks to be kept, as far as agreed, and deletes what is forgotten.

What can't be written is said in one line on standard error, and the conversation goes on.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from rich.console import Console

from lowtide.intents.acts import Act, Forget, KeepLetter, KeepRecording, Note, Record, Set
from lowtide.intents.history import History
from lowtide.intents.person import Person
from lowtide.voice import letters
from lowtide.voice.errors import Trouble
from lowtide.voice.frames import Samples
from lowtide.voice.journal import Journal, journal_file
from lowtide.voice.own_voice import Recorder, levelled, recording_file
from lowtide.voice.settings import Settings, keep


class Keeping:
    """What one session keeps. The journal's file is made by the first note, and so by consent.

    Args:
        settings: The person's.
        recorder: Where the sound of an utterance can be had.
    """

    def __init__(self, settings: Settings, recorder: Recorder | None = None) -> None:
        self._settings = settings
        self._recorder = recorder
        self._journal: Journal | None = None
        self._letters: list[Path] = []
        self._troubles: set[str] = set()
        self._now = datetime.now().astimezone()
        self.recording: Samples | None = None
        """The person's own recording, ready to be played."""
        self.failed: Callable[[Act], None] = lambda _: None
        """Told of what the person was promised and could not be done."""
        if settings.recording is not None:
            with self._told():
                self._load(settings.recording)

    def acts(self, acts: Iterable[Act], at: datetime | None = None) -> None:
        """Do what has to be written or deleted.

        Args:
            acts: Of which those that nobody can hear count here.
            at: By the person's own clock; None is now.
        """
        at = self._now = at or datetime.now().astimezone()
        for act in acts:
            with self._told():
                self._act(act, at)
                continue
            if isinstance(act, KeepLetter | KeepRecording | Forget | Set):
                self.failed(act)

    def person(self) -> Person:
        """What the core may know: a recording counts only if it can be played."""
        return replace(self._settings.person(), recording=self.recording is not None)

    def history(self) -> History | None:
        """What the journal says by now; None where it can't be read."""
        with self._told():
            return self._opened().history(max(self._now, datetime.now().astimezone()))
        return None

    def close(self) -> None:
        """End the session."""
        if self._journal is not None:
            with self._told():
                self._journal.close()

    def _act(self, act: Act, at: datetime) -> None:
        match act:
            case Set(key="recording"):
                self._drop_recording()
            case Set():
                keep((act,))
            case Note():
                self._opened().note(at, act)
            case KeepLetter(text):
                self._letters.append(letters.keep(letters.letters_folder(), at, text))
            case Forget(only="letter"):
                letters.forget(self._letters[-1:])
                del self._letters[-1:]
            case Forget():
                self._forget()
            case Record() if self._recorder is not None:
                self._recorder.record()
            case KeepRecording() if self._recorder is not None:
                self._recorder.keep(recording_file())
                self._load(recording_file())
                keep((Set("recording", str(recording_file())),))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell a trouble once, and go on."""
        try:
            yield
        except Trouble as error:
            if str(error) not in self._troubles:
                Console(stderr=True).print(f"lowtide: {error}", markup=False, soft_wrap=True)
            self._troubles.add(str(error))

    def _opened(self) -> Journal:
        if self._journal is None:
            self._journal = Journal(journal_file())
        return self._journal

    def _forget(self) -> None:
        letters.forget(self._letters)
        self._letters.clear()
        if self._journal is not None:
            self._journal.forget_session()

    def _drop_recording(self) -> None:
        self.recording = None
        letters.forget([recording_file()])
        keep((Set("recording", None),))

    def _load(self, path: Path | None) -> None:
        self.recording = None if path is None else levelled(path)
