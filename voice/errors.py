"""What can go wrong for a person, each with the one line that says what to do.

Trouble
 ├── NoMicrophone       no input device, or it went away
 ├── NoSpeaker          no output device
 ├── NoVoice            nothing here can speak
 ├── NoRecogniser       the engine asked for can't be had
 ├── BadRecording       a file that can't be heard
 ├── BadMeaning         the meaning model that belongs to lowtide is damaged
 ├── BadSettings        the settings file says something it may not
 ├── NoJournal          the journal's file can't be used (see voice/journal.py)
 ├── CannotServe        an address, a port or what serving needs can't be had
 └── BadFolder          a folder that must be writable is not
"""


class Trouble(Exception):  # noqa: N818 - named for what happened, as its children are
    """Something a person can mend; the message is one line that says how."""

    exit_status = 1


class NoMicrophone(Trouble):
    """There is no input device, or it went away."""


class NoSpeaker(Trouble):
    """There is no output device."""


class NoVoice(Trouble):
    """Nothing on this machine can speak."""


class NoRecogniser(Trouble):
    """The engine asked for can't be had."""


class BadMeaning(Trouble):
    """The meaning model that belongs to lowtide is damaged."""


class BadRecording(Trouble):
    """A file that can't be heard."""


class BadSettings(Trouble):
    """The settings file says something it may not."""


class BadFolder(Trouble):
    """A folder that must be writable is not."""


class CannotServe(Trouble):
    """An address, a port or what serving needs can't be had."""
