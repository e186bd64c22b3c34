"""Set-up: short questions by voice or keys, and settings that are kept by saying so."""

import json
import shutil
import stat
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lowtide.intents.acts import Set
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis
from lowtide.intents.pack import Pack, load
from lowtide.intents.understanding import Understander
from lowtide.voice.ears import Ears
from lowtide.voice.engines import recogniser
from lowtide.voice.errors import BadFolder, BadSettings
from lowtide.voice.frames import FRAME_SAMPLES, Frame
from lowtide.voice.mouth import Mouth
from lowtide.voice.own_voice import levelled
from lowtide.voice.prompts import Prompts
from lowtide.voice.recording import Recording
from lowtide.voice.session import Decided, Heard, Session, _loudness
from lowtide.voice.settings import Settings, keep
from lowtide.voice.settings import load as load_settings
from lowtide.voice.setup import by_keys
from lowtide.voice.speaker import Timeline
from lowtide.voice.synthesis import Synthesis
from lowtide.voice.waking import Waking

Lowtide = Callable[..., subprocess.CompletedProcess[str]]
Spoken = Callable[..., Path]


@pytest.fixture(scope="module")
def pack() -> Pack:
    return load()


@pytest.fixture(scope="module")
def understander(pack: Pack) -> Understander:
    return Understander(pack)


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "config" / "settings.toml"
    monkeypatch.setenv("LOWTIDE_SETTINGS", str(path))
    return path


Answered = Callable[..., tuple[list[str], Settings]]


@pytest.fixture
def answered(pack: Pack, understander: Understander, settings_file: Path) -> Answered:
    def run(*answers: str) -> tuple[list[str], Settings]:
        said = list(by_keys(Settings(), pack, understander, answers))
        assert settings_file.exists() or load_settings() == Settings()
        return said, load_settings()

    return run


def test_someone_who_answers_in_single_words_is_done_in_a_minute(answered: Answered) -> None:
    said, kept = answered("ireland", "yes", "will", "yes", "anna", "long",
                          "breathe", "yes", "yes", "skip")  # fmt: skip
    assert kept == Settings(country="IE", ex_name="Will", own_name="Anna", patience="patient",
                            plan="I will breathe", journal=True)  # fmt: skip
    assert any("I have you in Ireland, is that right?" in each for each in said)
    assert "kept on this computer, and nowhere else" in said[-1]
    assert "by voice" in said[-1]


def test_whole_sentences_are_understood_too(answered: Answered) -> None:
    _, kept = answered("i live in the united states", "yes that's right", "her name is grace",
                       "yes", "you can call me sam", "very long please",
                       "when i want to call her i'll go for a walk", "yes", "no")  # fmt: skip
    assert kept == Settings(country="US", ex_name="Grace", own_name="Sam", patience="very_patient",
                            plan="I will go for a walk")  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "kept"),
    [("be more patient", "patient"), ("until i say i'm done", "until_done")],
)
def test_how_long_to_wait_may_be_answered_with_a_wish(
    answered: Answered, answer: str, kept: str
) -> None:
    assert answered("skip", "skip", "skip", answer)[1] == Settings(patience=kept)  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", ["skip", "", "no"])
def test_every_question_can_be_passed_over_and_nothing_is_kept(
    answered: Answered, answer: str
) -> None:
    said, kept = answered(*[answer] * 7)
    assert kept == Settings()
    assert len(said) == 8, "seven questions and an end"


def test_one_question_comes_at_a_time_and_nothing_is_numbered(answered: Answered) -> None:
    said, _ = answered("ireland", "yes", "him", "skip", "short", "skip", "no")
    for text in said:
        assert text.count("?") <= 1
        assert not any(each.isdigit() for each in text)
        assert len(text.split()) <= 45


def test_a_country_misheard_is_put_right_and_never_guessed(answered: Answered) -> None:
    _, kept = answered("iceland", "india", "no", "ireland", "yes", *["skip"] * 5)
    assert kept.country == "IE"
    said, kept = answered("somewhere", "over there", "a far place", *["skip"] * 5)
    assert kept.country == "IE", "what was set before stays"
    assert any("your local emergency number" in each for each in said)


def test_a_country_is_kept_only_after_a_yes(answered: Answered) -> None:
    assert answered("ireland", "", *["skip"] * 5)[1].country is None
    assert answered("ireland", "no", "skip", *["skip"] * 5)[1].country is None


def test_the_journal_is_kept_only_after_a_plain_yes_to_what_it_holds(answered: Answered) -> None:
    said, kept = answered(*["skip"] * 5, "hm i do not know", "maybe", "")
    assert not kept.journal
    [consent] = [each for each in said if "May I keep a journal" in each]
    for words in ("times", "what it was about", "ratings", "never holds your words"):
        assert words in consent
    assert answered(*["skip"] * 5, "yes")[1].journal


def test_a_word_for_the_ex_instead_of_a_name(answered: Answered) -> None:
    _, kept = answered("skip", "her", *["skip"] * 4)
    assert (kept.ex_word, kept.ex_name) == ("her", None)


def test_a_name_with_an_accent_is_kept_as_it_was_typed(answered: Answered) -> None:
    assert answered("skip", "skip", "Zoë", "yes", *["skip"] * 3)[1].own_name == "Zoë"


@pytest.mark.parametrize("typed", ["{}", "'{}'", '"{}"', "file://{}", "escaped", "~"])
def test_a_sound_file_is_named_for_a_hard_night_and_copied(
    answered: Answered, spoken: Spoken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, typed: str
) -> None:
    monkeypatch.setenv("LOWTIDE_RECORDING", str(tmp_path / "kept" / "recording.wav"))
    monkeypatch.setenv("HOME", str(tmp_path))
    theirs = tmp_path / "a friend.wav"
    shutil.copy(spoken("you will be glad tomorrow", "rms"), theirs)
    path = {"~": "~/a friend.wav", "escaped": str(theirs).replace(" ", "\\ ")}.get(
        typed, typed.format(str(theirs).replace(" ", "%20") if "file:" in typed else theirs)
    )
    said, kept = answered(*["skip"] * 6, path, "when I want to call")
    assert any("sound file" in each for each in said)
    assert kept.recording == tmp_path / "kept" / "recording.wav"
    assert kept.recording_when == "pull"
    assert stat.S_IMODE(kept.recording.stat().st_mode) == 0o600
    assert levelled(kept.recording).size
    theirs.unlink()  # A stick that is pulled out; ours stays.
    assert levelled(kept.recording).size


def test_a_file_that_is_no_sound_is_said_in_one_line_and_asked_for_again(
    answered: Answered, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "letter.txt").write_text("Dear diary")
    said, kept = answered(*["skip"] * 6, str(tmp_path / "letter.txt"), "/nowhere.wav", "no")
    assert [each for each in said if "I cannot play that" in each] == said[-3:-1]
    assert kept == Settings()
    first, second = capsys.readouterr().err.splitlines()
    assert "letter.txt: can't be read as sound" in first
    assert "/nowhere.wav: the recording is not there" in second


def test_stop_ends_set_up_and_what_was_chosen_stays(answered: Answered) -> None:
    said, kept = answered("ireland", "yes", "stop", "tom")
    assert kept == Settings(country="IE")
    assert len(said) == 3


def test_danger_in_the_middle_of_set_up_is_answered(answered: Answered) -> None:
    said, kept = answered("ireland", "yes", "i want to kill myself")
    assert "one one six, one two three" in said[-1].lower()
    assert kept.country == "IE"


def test_without_a_microphone_it_goes_on_by_keys(lowtide: Lowtide, tmp_path: Path) -> None:
    (tmp_path / "asound.conf").write_text("pcm.!default { type hw card 77 }")
    path = tmp_path / "settings.toml"
    done = lowtide(
        "setup",
        stdin="ireland\nyes\ntom\nskip\nskip\nskip\nno\n",
        env={"ALSA_CONFIG_PATH": str(tmp_path / "asound.conf"), "LOWTIDE_SETTINGS": str(path)},
    )
    assert done.returncode == 0, done.stderr
    assert "There is no microphone here" in done.stderr
    assert str(path) in done.stdout
    assert tomllib.loads(path.read_text())["ex_name"] == "Tom"


# The file


def test_a_choice_is_written_beside_what_the_person_wrote(settings_file: Path) -> None:
    settings_file.parent.mkdir()
    settings_file.write_text('# my headset\nmicrophone = "Headset"\nown_name = "Anna"\n')
    keep([Set("country", "IE"), Set("own_name", None)])
    text = settings_file.read_text()
    assert "# my headset" in text
    assert tomllib.loads(text) == {"microphone": "Headset", "country": "IE"}
    assert stat.S_IMODE(settings_file.stat().st_mode) == 0o600
    assert [path.name for path in settings_file.parent.iterdir()] == ["settings.toml"]


def test_a_file_with_a_mistake_is_not_written_over(settings_file: Path) -> None:
    settings_file.parent.mkdir()
    settings_file.write_text("country = ")
    with pytest.raises(BadSettings):
        keep([Set("country", "IE")])
    assert settings_file.read_text() == "country = "


def test_a_value_that_may_not_stand_there_is_not_written(settings_file: Path) -> None:
    with pytest.raises(BadSettings, match="patience"):
        keep([Set("patience", "endless")])
    assert not settings_file.exists()


def test_a_folder_that_cannot_be_written_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Nobody can make a folder there, not even root.
    monkeypatch.setenv("LOWTIDE_SETTINGS", "/proc/lowtide/settings.toml")
    with pytest.raises(BadFolder, match="the settings can't be kept"):
        keep([Set("country", "IE")])


def test_settings_in_the_file_reach_the_conversation(lowtide: Lowtide, tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('plan = "I will put the kettle on"\nex_name = "Will"\ncountry = "IE"\n')
    done = lowtide("chat", "--json", stdin="i want to call will\ni want to see will\n",
                   env={"LOWTIDE_SETTINGS": str(path)})  # fmt: skip
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert [first["intent"], second["intent"]] == ["want_to_call_him", "want_to_see_him"]
    assert "put the kettle on" in second["acts"][0]["say"]


# By voice


class Room:
    """A microphone: says the next recording two seconds after it was asked for."""

    def __init__(self, recordings: list[Path], speaker: Timeline) -> None:
        self._recordings = [Recording(path) for path in recordings]
        self._speaker = speaker

    def __iter__(self) -> Iterator[Frame]:
        index = -1
        for recording in self._recordings:
            asked, quiet = False, 0
            while not asked or quiet < 64:
                index += 1
                yield Frame(index, np.zeros(FRAME_SAMPLES, np.int16))
                asked = asked or self._speaker.sounding
                quiet = 0 if self._speaker.sounding else quiet + 1
            for frame in recording:
                index += 1
                yield Frame(index, frame.samples)


@pytest.fixture(scope="module")
def ears() -> Iterator[Ears]:
    engine = recogniser("auto", recorded=True)
    yield Ears(engine)
    engine.close()


def test_set_up_works_by_voice_alone(  # noqa: PLR0917
    pack: Pack, understander: Understander, ears: Ears, spoken: Spoken, tmp_path: Path,
    settings_file: Path,
) -> None:  # fmt: skip
    dialogue = Dialogue(pack, setting_up=True)
    speaker, synthesis = Timeline(), Synthesis()
    mouth = Mouth(Prompts(tmp_path / "prompts", synthesis), speaker)
    answers = ["ireland", "yes", "him", "skip it", "long", "skip it", "no"]
    room = Room([spoken(each, "rms") for each in answers], speaker)
    heard = []
    for event in Session(ears, understander, dialogue, mouth).converse(room, greet=True):
        if isinstance(event, Decided):
            keep(event.acts)
        if isinstance(event, Heard) and event.turn.utterance is not None:
            heard.append(event.turn.utterance)
        if dialogue.state == "idle":
            break
    synthesis.close()
    assert settings_file.exists(), heard
    assert load_settings() == Settings(country="IE", ex_word="him", patience="patient"), heard
    assert all(-40 < (each.loudness or 0) < -5 for each in heard)


def test_when_it_listens_is_chosen_by_voice_and_holds_at_once(
    pack: Pack, understander: Understander, ears: Ears, tmp_path: Path
) -> None:
    dialogue, synthesis, waking = Dialogue(pack), Synthesis(), Waking("open")
    mouth = Mouth(Prompts(tmp_path / "prompts", synthesis), Timeline())
    session = Session(ears, understander, dialogue, mouth, waking=waking)
    wish = understander.understand([Hypothesis("only listen when i say low tide")])
    list(session._answer(None, wish, dialogue.hear(wish, 1.0), 1.0, 0.0))
    assert waking.mode == "wake"
    assert not waking.sleeps(dialogue, 59.0)
    assert waking.sleeps(dialogue, 61.0)
    wish = understander.understand([Hypothesis("i am wearing headphones")])
    list(session._answer(None, wish, dialogue.hear(wish, 2.0), 2.0, 0.0))
    assert session._barge_in == "full"
    synthesis.close()


def test_loudness_is_that_of_the_voice_and_not_of_its_pauses() -> None:
    assert _loudness([-20.0] * 5 + [-90.0] * 70) == -20.0
    assert _loudness([-20.0] * 3 + [-60.0] * 70) == -60.0, "a click is not a voice"
    assert _loudness([]) is None
