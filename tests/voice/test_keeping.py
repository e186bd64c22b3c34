"""What a session keeps and deletes: letters, a recording, a journal begun or ended by voice."""

import json
import os
import random
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import PIPE, CompletedProcess

import numpy as np
import pytest
import soundfile

from lowtide.intents.acts import Cue, Forget, KeepLetter, KeepRecording, Note, Play, Record, Set
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.events import Hypothesis, Utterance
from lowtide.intents.history import History
from lowtide.intents.pack import load
from lowtide.intents.understanding import Understander
from lowtide.voice import letters
from lowtide.voice.cues import SECONDS, tone
from lowtide.voice.errors import BadRecording
from lowtide.voice.frames import RATE, Frame
from lowtide.voice.journal import Journal, waits
from lowtide.voice.keeping import Keeping
from lowtide.voice.mouth import Mouth
from lowtide.voice.own_voice import Recorder, levelled
from lowtide.voice.prompts import Prompts
from lowtide.voice.recording import Recording
from lowtide.voice.report import page, report
from lowtide.voice.settings import Settings
from lowtide.voice.settings import load as load_settings
from lowtide.voice.speaker import Timeline
from lowtide.voice.synthesis import PROMPT_RATE, Synthesis
from lowtide.voice.typed import converse

Lowtide = Callable[..., CompletedProcess[str]]
Spoken = Callable[..., Path]

KILLS = int(os.environ.get("LOWTIDE_KILLS", "8"))
"""Of the whole program; each takes its start. 50 are run by hand: LOWTIDE_KILLS=50."""
LETTER = [
    "let me say it to you instead of him",
    "you never told your mother about me",
    "i'm done",
    "keep it",
]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where everything of one person is kept."""
    monkeypatch.setenv("LOWTIDE_JOURNAL", str(tmp_path / "journal.sqlite"))
    monkeypatch.setenv("LOWTIDE_SETTINGS", str(tmp_path / "settings.toml"))
    monkeypatch.setenv("LOWTIDE_RECORDING", str(tmp_path / "recording.wav"))
    return tmp_path


def typed(lowtide: Lowtide, *lines: str) -> list[dict[str, object]]:
    """A conversation, what stands on standard error being nothing."""
    done = lowtide("chat", "--json", stdin="\n".join(lines) + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


def every_byte(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


# Letters


def test_a_letter_is_kept_as_text_for_its_writer_alone(home: Path, lowtide: Lowtide) -> None:
    entries = typed(lowtide, *LETTER)
    [path] = (home / "letters").iterdir()
    assert path.read_text("utf-8") == "you never told your mother about me\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert not (home / "journal.sqlite").exists(), "a letter needs no journal, and makes none"
    assert "mother" not in json.dumps([entry["acts"] for entry in entries])
    assert "you never told your mother about me" in lowtide("journal", "letters").stdout


@pytest.mark.parametrize("answer", ["no", "let it go", "hm", "@wait 60", "stop", "good night"])
def test_without_a_plain_yes_nothing_of_a_letter_is_written(
    home: Path, lowtide: Lowtide, answer: str
) -> None:
    typed(lowtide, *LETTER[:-1], answer, "@wait 60")
    assert b"mother" not in every_byte(home)
    assert "No letter is kept" in lowtide("journal", "letters").stdout


def test_forget_that_deletes_the_letter_of_this_night_and_no_other(
    home: Path, lowtide: Lowtide
) -> None:
    earlier = letters.keep(home / "letters", datetime(2026, 10, 31, tzinfo=UTC), "an older one")
    typed(lowtide, *LETTER, "forget that")
    assert [each.path for each in letters.letters(home / "letters")] == [earlier]
    assert b"mother" not in every_byte(home)


def test_a_letter_can_be_deleted_by_its_name_and_all_of_them_at_once(
    home: Path, lowtide: Lowtide
) -> None:
    for day in (30, 31, 31):
        letters.keep(home / "letters", datetime(2026, 10, day, 2, 0, tzinfo=UTC), f"day {day}")
    shown = lowtide("journal", "letters").stdout
    assert shown.startswith("2026-10-30 02.00.00\nday 30\n")
    assert lowtide("journal", "letters", "--forget", "2026-10-30 02.00.00").returncode == 0
    assert "day 30" not in lowtide("journal", "letters").stdout
    wrong = lowtide("journal", "letters", "--forget", "yesterday")
    assert (wrong.returncode, len(wrong.stderr.splitlines())) == (1, 1)
    assert lowtide("journal", "forget", "--yes").returncode == 0
    assert letters.letters(home / "letters") == ()


def test_a_letter_that_cannot_be_kept_is_told_and_the_night_goes_on(
    home: Path, lowtide: Lowtide
) -> None:
    (home / "letters").write_text("a file where the folder would be")
    done = lowtide("chat", "--json", stdin="\n".join([*LETTER, "does he miss me"]))
    assert done.returncode == 0
    # It was said to be kept a moment before, and so it is taken back aloud.
    [taken_back] = json.loads(done.stdout.splitlines()[-2])["acts"]
    assert taken_back["say"] in load().lines["not_kept"]
    assert len(done.stderr.splitlines()) == 1
    assert "the letter can't be kept" in " ".join(done.stderr.split())
    assert json.loads(done.stdout.splitlines()[-1])["intent"] == "does_he_miss_me"


# A journal that is begun and ended by voice


def test_a_journal_agreed_to_by_voice_is_kept_from_then_on_and_not_before(
    home: Path, lowtide: Lowtide
) -> None:
    typed(lowtide, "i miss him", "keep a journal", "hm", "i miss him")
    assert not (home / "journal.sqlite").exists()
    typed(lowtide, "i miss him", "keep a journal", "yes", "does he miss me", "no journal",
          "i feel so lonely")  # fmt: skip
    with closing(Journal(home / "journal.sqlite")) as journal:
        assert [row.about for row in journal.rows()] == ["does_he_miss_me"]


def test_the_numbers_of_a_real_wait_come_into_the_report_and_are_spoken(home: Path) -> None:
    two = datetime(2026, 10, 31, 2, 0, tzinfo=UTC)
    pack, keeping = load(), Keeping(Settings(journal=True))

    def history() -> History:
        with closing(Journal(home / "journal.sqlite")) as journal:
            return journal.history(two + timedelta(minutes=12))

    dialogue = Dialogue(pack, person=keeping.person(), history=history)
    night = ["stay with me for ten minutes", "about an eight", "@wait 650", "it is a four now"]
    *_, looked_back = converse(
        [*night, "how am i doing"],
        Understander(pack),
        dialogue,
        lambda acts, now: keeping.acts(acts, two + timedelta(seconds=now)),
    )
    keeping.close()
    [said] = [act["say"] for act in looked_back["acts"]]
    for words in ("one night", "once", "eight", "four"):
        assert words in said
    with closing(Journal(home / "journal.sqlite")) as journal:
        found = report(journal.rows(), two + timedelta(minutes=12), {})
    assert [(wait.before, wait.after) for wait in found.rated] == [(8, 4)]
    shown = " ".join(page(found).split())
    assert "One wait has a number at both ends." in shown
    assert "8 <small>then</small> 4" in shown


def test_a_number_that_comes_late_is_the_number_of_that_wait(home: Path) -> None:
    keeping = Keeping(Settings(journal=True))
    keeping.acts([Note("rated_before", "stay_with_me", 8)])
    keeping.acts([Note("rated_after", "stay_with_me", None)])
    keeping.acts([Note("rated_after", "stay_with_me", 3)])
    keeping.acts([Note("rated_before", "stay_with_me", 6)])
    keeping.acts([Note("rated_after", "stay_with_me", None)])
    keeping.acts([Note("rated_before", "stay_with_me", 5)])
    keeping.acts([Note("rated_after", "stay_with_me", 5)])
    keeping.close()
    with closing(Journal(home / "journal.sqlite")) as journal:
        found = [(each.before, each.after) for each in waits(journal.rows())]
    assert found == [(8, 3), (6, None), (5, 5)]


def test_a_letter_let_go_after_all_takes_nothing_else_with_it(home: Path) -> None:
    keeping = Keeping(Settings(journal=True))
    keeping.acts([Note("heard", "i_miss_him"), KeepLetter("dear anna"), KeepLetter("dear tom")])
    keeping.acts([Forget("letter")])
    assert [each.text for each in letters.letters(home / "letters")] == ["dear anna"]
    keeping.close()
    with closing(Journal(home / "journal.sqlite")) as journal:
        assert [row.about for row in journal.rows()] == ["i_miss_him"]


# A recording of one's own


def test_a_recording_made_by_voice_is_what_was_said_and_can_be_played_and_deleted(
    home: Path, spoken: Spoken
) -> None:
    said = [frame.samples for frame in Recording(spoken("you will be glad tomorrow", "rms"))]
    quiet = [np.zeros(512, np.int16)] * 60
    frames = [Frame(index, samples) for index, samples in enumerate([*quiet, *said, *quiet])]
    recorder = Recorder(frames)
    keeping = Keeping(Settings(), recorder)
    for frame in recorder:
        if frame.index == 20:
            keeping.acts([Record()])
    start, end = 60 * 0.032, (60 + len(said)) * 0.032
    recorder.heard(Utterance(0.1, 0.5, (Hypothesis("record a message"),)))  # What asked for it.
    recorder.heard(Utterance(start, end, (Hypothesis("you will be glad tomorrow"),)))
    assert not (home / "recording.wav").exists(), "nothing is written before a yes"
    keeping.acts([KeepRecording()])
    sound, rate = soundfile.read(home / "recording.wav", dtype="int16")
    assert rate == RATE
    assert stat.S_IMODE((home / "recording.wav").stat().st_mode) == 0o600
    assert len(sound) / rate == pytest.approx(end - start + 0.6, abs=0.1)
    assert np.concatenate(said).tobytes() in sound.tobytes(), "every sample of it"
    assert load_settings().person().recording
    assert keeping.recording is not None
    keeping.acts([Set("recording", None)])
    assert not (home / "recording.wav").exists()
    assert not load_settings().person().recording
    assert keeping.recording is None


def test_a_recording_sounds_as_loud_as_a_prompt_and_softer_at_night(
    home: Path, spoken: Spoken
) -> None:
    soft, _ = soundfile.read(spoken("you will be glad tomorrow", "rms"))
    soundfile.write(home / "phone.wav", np.stack([soft, soft], 1) * 0.05, 44_100)
    own = levelled(home / "phone.wav")
    assert -26 < decibels(own[np.abs(own) > 300]) < -14
    timeline, synthesis = Timeline(), Synthesis()
    mouth = Mouth(Prompts(home / "prompts", synthesis), timeline, lambda: own)
    mouth.perform([Play(-6.0)], 1.0, time.perf_counter())
    synthesis.close()
    assert mouth.deafens(1.5), "it is not listened to as if somebody spoke"
    [(_, sounded)] = timeline.sounds
    assert decibels(sounded) == pytest.approx(decibels(own) - 6.0, abs=0.3)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda _: None, "is not there"),
        (lambda path: path.write_text("no sound"), "can't be read as sound"),
        (lambda path: soundfile.write(path, np.zeros(16_000), 16_000), "holds no sound"),
        (lambda path: soundfile.write(path, np.zeros(181 * 8000), 8000), "three minutes"),
    ],
    ids=["missing", "no sound file", "silent", "too long"],
)
def test_a_recording_that_cannot_be_played_is_told_in_one_line(
    home: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoil(home / "own.wav")
    with pytest.raises(BadRecording, match=says):
        levelled(home / "own.wav")


def test_a_recording_that_was_moved_does_not_keep_anyone_from_talking(
    home: Path, lowtide: Lowtide
) -> None:
    (home / "settings.toml").write_text('recording = "/nowhere/own.wav"\n')
    done = lowtide("chat", stdin="does he miss me\nplay my recording\n")
    assert done.returncode == 0
    assert "the recording is not there" in " ".join(done.stderr.split())
    assert len(done.stdout.splitlines()) == 2
    assert "(your recording)" not in done.stdout


# Breathing without words


def test_the_tones_of_breathing_are_soft_low_and_short() -> None:
    for breath, rises in (("in", True), ("out", False)):
        sound = tone(breath, 0.0).astype(float) / 32768  # type: ignore[arg-type]
        assert len(sound) == round(SECONDS * PROMPT_RATE)
        assert 20 * np.log10(np.abs(sound).max()) == pytest.approx(-26, abs=0.5)
        assert abs(sound[0]) < 1e-3
        assert abs(sound[-1]) < 1e-3
        halves = [np.count_nonzero(np.diff(np.sign(half))) for half in np.array_split(sound, 2)]
        assert bool(halves[1] > halves[0]) is rises
        assert sum(halves) / 2 / SECONDS < 260, "Hz: nothing bright at night"


def test_a_tone_sounds_where_a_word_would(home: Path) -> None:
    timeline, synthesis = Timeline(), Synthesis()
    mouth = Mouth(Prompts(home / "prompts", synthesis), timeline)
    mouth.perform([Cue("in", -6.0)], 1.0, time.perf_counter())
    synthesis.close()
    assert [len(sound) for _, sound in timeline.sounds] == [round(SECONDS * PROMPT_RATE)]


# Killed


def test_killed_at_any_moment_the_program_has_lost_nothing_it_had_answered(
    home: Path, record_property: Callable[[str, object], None]
) -> None:
    (home / "settings.toml").write_text("journal = true\n")
    chance = random.Random(11)  # noqa: S311 - the same moments each time
    answered = kept = 0
    for _ in range(KILLS):
        answered += killed(chance.uniform(0, 0.4))
        with closing(Journal(home / "journal.sqlite")) as journal:
            kept = len(journal.rows())
        assert kept >= answered
        assert kept <= answered + KILLS, "at most the one that was being written each time"
    with closing(sqlite3.connect(home / "journal.sqlite")) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
    record_property(f"lowtide, {KILLS} kill -9: answered before, kept after", f"{answered}, {kept}")
    assert answered > KILLS


def killed(after: float) -> int:
    """Let `lowtide chat` answer, kill it so many seconds later; the notes it had answered with."""
    command = [sys.executable, "-m", "lowtide.voice", "chat", "--json"]
    lines = b"does he miss me\ni feel so lonely\ni miss him\n" * 400
    with subprocess.Popen(command, stdin=PIPE, stdout=PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(lines)
        process.stdin.close()
        first = process.stdout.readline()
        time.sleep(after)
        process.send_signal(signal.SIGKILL)
        whole = (first + process.stdout.read()).rpartition(b"\n")[0]
    acts = [act for line in whole.splitlines() for act in json.loads(line)["acts"]]
    return sum("note" in act for act in acts)


def decibels(samples: np.ndarray) -> float:
    return float(20 * np.log10(np.sqrt(np.mean((samples / 32768.0) ** 2))))


def test_acts_for_a_letter_carry_no_word_of_it_outside() -> None:
    from lowtide.intents.acts import as_json  # noqa: PLC0415 - this test alone

    assert "secret" not in json.dumps(as_json(KeepLetter("secret")))
