"""The program as a person meets it: what it hears and answers, and what it says of a mistake.

Every mistake ends in one line on standard error that says what to do, and exit status 1, or 2 when
the command itself was wrong. Nothing of a traceback or of a library's chatter is seen.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
import typer

from lowtide.intents.pack import ENGLISH
from lowtide.voice.cli import app

Lowtide = Callable[..., CompletedProcess[str]]
Spoken = Callable[..., Path]

NO_DEVICE = "pcm.!default { type hw card 77 }"
NO_SPEAKER = "pcm.!default { type asym capture.pcm { type null } }"
KEYS_HEARD = {"file", "start", "end", "text", "alternatives", "intent", "score", "tier"}
KEYS_ANSWERED = {"reply", "reply_start", "reply_end"}


def complaints(done: CompletedProcess[str]) -> list[str]:
    """What stands on standard error beside the line that names the engine."""
    lines = done.stderr.splitlines()
    return [line for line in lines if not line.startswith("Hearing with ")]


def complaint(done: CompletedProcess[str]) -> str:
    """The one line of a mistake."""
    lines = complaints(done)
    assert done.returncode == 1, done.stderr
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("lowtide: ")
    return lines[0]


def objects(done: CompletedProcess[str]) -> list[dict[str, Any]]:
    """The lines of --json."""
    return [json.loads(line) for line in done.stdout.splitlines()]


# What it does


def test_typed_lines_are_understood_one_by_one(lowtide: Lowtide) -> None:
    lines = "i want to call him\ndoes he miss me\nwhat is the weather tomorrow\n"
    found = objects(lowtide("understand", "--json", stdin=lines))
    assert [each["intent"] for each in found] == ["want_to_call_him", "does_he_miss_me", "none"]
    assert [each["text"] for each in found] == lines.splitlines()
    for each in found:
        assert set(each) == {"text", "intent", "score", "runner_up", "tier"}
        assert 0 <= each["score"] <= 1


def test_a_typed_conversation_goes_on_when_time_passes(lowtide: Lowtide) -> None:
    answer, *later = objects(lowtide("chat", "--json", stdin="does he miss me\n@wait 90\n"))
    assert (answer["heard"], answer["intent"]) == ("does he miss me", "does_he_miss_me")
    assert answer["acts"][0]["say"]
    # One gentle prompt into the silence, ten seconds after our answer, and then quiet.
    (prompt,) = later
    assert prompt["heard"] is None
    assert 10 < prompt["at"] < 40
    assert prompt["acts"][0]["say"]


def test_five_spoken_lines_are_heard(lowtide: Lowtide, spoken: Spoken) -> None:
    lines = {
        "i want to call him": "want_to_call_him",
        "does he miss me": "does_he_miss_me",
        "i miss him so much": "i_miss_him",
        "stay with me": "stay_with_me",
        "is he thinking about me": "is_he_thinking_about_me",
    }
    files = [spoken(line) for line in lines]
    turns = [turn for turn in objects(lowtide("hear", "--json", *files)) if turn["text"]]
    assert [turn["file"] for turn in turns] == [str(path) for path in files]
    right = [turn["intent"] == intent for turn, intent in zip(turns, lines.values(), strict=True)]
    assert sum(right) >= 4
    for turn in turns:
        assert set(turn) >= KEYS_HEARD | KEYS_ANSWERED
        assert 0 < turn["start"] < turn["end"] <= turn["reply_start"] < turn["reply_end"]


def test_the_answer_is_in_the_reply_audio_where_the_json_says(
    lowtide: Lowtide, spoken: Spoken, tmp_path: Path
) -> None:
    reply = tmp_path / "reply.wav"
    done = lowtide("hear", "--json", spoken("does he miss me", "rms"), "--reply-audio", reply)
    (turn,) = objects(done)
    sound, rate = soundfile.read(reply)
    start, end = (round(turn[key] * rate) for key in ("reply_start", "reply_end"))
    assert np.abs(sound[: start - rate // 100]).max() == 0
    assert len(sound) == pytest.approx(end, abs=rate // 100)
    # The first and the last tenth of a second of it can be heard.
    for part in (sound[start : start + rate // 10], sound[end - rate // 10 : end]):
        assert np.abs(part).max() > 0.01


@pytest.mark.parametrize("kind", ["WAV", "MP3"])
def test_any_readable_file_is_simply_heard(
    lowtide: Lowtide, spoken: Spoken, tmp_path: Path, kind: str
) -> None:
    sound, rate = soundfile.read(spoken("does he miss me", "rms"))
    stereo = np.repeat(soxr.resample(sound, rate, 44_100)[:, None], 2, axis=1)
    path = tmp_path / "from a phone.wav"
    soundfile.write(path, stereo, 44_100, format=kind)
    done = lowtide("hear", "--json", path)
    assert (done.returncode, complaints(done)) == (0, [])
    assert objects(done)[0]["intent"] == "does_he_miss_me"


def commands() -> list[tuple[str, ...]]:
    """Every command there is."""
    found: list[tuple[str, ...]] = [()]
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        found.append((name,))
        found += [(name, each) for each in getattr(command, "commands", ())]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_every_command_explains_itself(lowtide: Lowtide, command: tuple[str, ...]) -> None:
    done = lowtide(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {' '.join(('python -m lowtide.voice', *command))}")


# What it says of a mistake


def test_a_bad_file_is_named_and_the_good_one_is_still_heard(
    lowtide: Lowtide, spoken: Spoken, tmp_path: Path
) -> None:
    empty, text, silent = (tmp_path / f"{name}.wav" for name in ("empty", "text", "silent"))
    empty.touch()
    text.write_text("I want to call him.")
    soundfile.write(silent, np.zeros(0, np.int16), 16_000)
    missing = tmp_path / "missing.wav"
    good = spoken("does he miss me", "rms")
    done = lowtide("hear", "--json", missing, empty, text, silent, tmp_path, good)
    assert done.returncode == 1
    assert complaints(done) == [
        f"lowtide: {missing}: there is no such file.",
        f"lowtide: {empty}: can't be read as sound; lowtide hears WAV, FLAC, OGG and MP3.",
        f"lowtide: {text}: can't be read as sound; lowtide hears WAV, FLAC, OGG and MP3.",
        f"lowtide: {silent}: holds no sound.",
        f"lowtide: {tmp_path}: is a folder; name a sound file.",
    ]
    assert [turn["intent"] for turn in objects(done)] == ["does_he_miss_me"]


@pytest.mark.parametrize(
    ("devices", "said"),
    [(NO_DEVICE, "There is no microphone here;"), (NO_SPEAKER, "There is no speaker here;")],
    ids=["microphone", "speaker"],
)
def test_a_missing_device(lowtide: Lowtide, tmp_path: Path, devices: str, said: str) -> None:
    config = tmp_path / "asound.conf"
    config.write_text(devices)
    assert said in complaint(lowtide("talk", env={"ALSA_CONFIG_PATH": str(config)}))


def test_a_device_that_is_not_there_is_answered_with_those_that_are(
    lowtide: Lowtide, tmp_path: Path
) -> None:
    config = tmp_path / "asound.conf"
    config.write_text(NO_SPEAKER)
    done = lowtide("talk", "--microphone", "Headset", env={"ALSA_CONFIG_PATH": str(config)})
    assert complaint(done).endswith("No one microphone is called 'Headset'; there are: default")


def test_an_unknown_engine(lowtide: Lowtide) -> None:
    done = lowtide("hear", "any.wav", "--engine", "siri")
    assert complaint(done).endswith("'siri'; there are: auto, vosk, whisper, sphinx")


def test_vosk_without_its_model(lowtide: Lowtide) -> None:
    done = lowtide("hear", "any.wav", "--engine", "vosk")
    assert complaint(done).endswith("fetch one: lowtide models get speech")


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("vent.toml", ("group =", "grupp ="), "unknown key: grupp."),
        ("vent.toml", ("group =", "[[[\ngroup ="), "can't be read:"),
        ("vent.toml", ("phrases = [", 'phrases = ["i {mis} him",'), "phrases[0]: unknown slot"),
        ("vent.toml", ("phrases = [", 'phrases = ["i (want|need",'), "vent.toml: phrases"),
        ("none.toml", None, "none.toml is missing."),
        ("_lines.toml", None, "_lines.toml: the file is missing."),
    ],
    ids=["unknown key", "no TOML", "unknown slot", "open bracket", "no none", "no lines"],
)
def test_a_broken_pack(
    lowtide: Lowtide, tmp_path: Path, file: str, change: tuple[str, str] | None, said: str
) -> None:
    pack = tmp_path / "en"
    shutil.copytree(ENGLISH, pack)
    if change is None:
        (pack / file).unlink()
    else:
        text = (pack / file).read_text("utf-8")
        assert change[0] in text
        (pack / file).write_text(text.replace(*change, 1), "utf-8")
    line = complaint(lowtide("understand", "--pack", pack, stdin="i want to call him\n"))
    assert str(pack) in line
    assert said in line


def test_a_pack_that_is_not_there(lowtide: Lowtide, tmp_path: Path) -> None:
    line = complaint(lowtide("understand", "--pack", tmp_path / "fr", stdin="bonsoir\n"))
    assert line.endswith("fr: there is no such pack folder.")


def test_a_cache_folder_that_cannot_be_written(lowtide: Lowtide, tmp_path: Path) -> None:
    # A file where the folder would be stops root too.
    (tmp_path / "cache").touch()
    done = lowtide("hear", "any.wav", env={"LOWTIDE_CACHE": str(tmp_path / "cache")})
    assert "the cache folder can't be written" in complaint(done)


@pytest.mark.parametrize("path", ["", "missing/reply.wav", "reply.cake"])
def test_a_reply_that_cannot_be_written(
    lowtide: Lowtide, spoken: Spoken, tmp_path: Path, path: str
) -> None:
    done = lowtide("hear", spoken("stay with me", "rms"), "--reply-audio", tmp_path / path)
    assert "can't be written as a sound file" in complaint(done)
    assert "answer  " in done.stdout  # what was heard and said is not lost


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('colour = "blue"', "colour: "),
        ('patience = "endless"', "patience: Input should be 'quick', 'normal'"),
        ("patience = ", "can't be read: "),
        ("patience = \udcff", "can't be read: "),
    ],
)
def test_bad_settings(lowtide: Lowtide, tmp_path: Path, text: str, said: str) -> None:
    settings = tmp_path / "settings.toml"
    settings.write_text(text, "utf-8", errors="surrogateescape")
    line = complaint(lowtide("chat", stdin="hello\n", env={"LOWTIDE_SETTINGS": str(settings)}))
    assert line.startswith(f"lowtide: {settings}: {said}")


@pytest.mark.parametrize(
    "arguments",
    [("sing",), ("hear",), ("hear", "--loud", "a.wav"), ("models", "get")],
    ids=" ".join,
)
def test_a_wrong_command_is_answered_with_its_usage(
    lowtide: Lowtide, arguments: tuple[str, ...]
) -> None:
    done = lowtide(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("Usage: ")
    assert "Traceback" not in done.stderr


def test_two_recordings_cannot_share_one_reply_audio(lowtide: Lowtide, tmp_path: Path) -> None:
    done = lowtide("hear", "a.wav", "b.wav", "--reply-audio", tmp_path / "reply.wav")
    assert done.returncode == 2
    assert "goes with one recording" in done.stderr
