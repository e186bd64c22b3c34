"""lowtide in a house with Home Assistant: satellites in several rooms, and what else connects."""

import asyncio
import re
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import soundfile
from house import House
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event
from wyoming.handle import Handled
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize

from lowtide.intents.delivery import PACE
from lowtide.intents.pack import load
from lowtide.voice.prompts import Prompts
from lowtide.voice.synthesis import Synthesis, Voice

Lowtide = Callable[..., subprocess.CompletedProcess[str]]
Spoken = Callable[..., Path]
Found = TypeVar("Found")

WITHIN = 30.0
"""Seconds in which anything is answered here, on a busy machine."""
PACK = load()


def run(work: Awaitable[Found]) -> Found:
    async def bounded() -> Found:
        return await asyncio.wait_for(work, WITHIN * 2)

    return asyncio.run(bounded())


async def ask(client: AsyncTcpClient, text: str, conversation: str = "", **where: str) -> str:
    """What is answered in a conversation."""
    context = where | ({"conversation_id": conversation} if conversation else {})
    await client.write_event(Transcript(text, context=context or None).event())
    event = await asyncio.wait_for(client.read_event(), WITHIN)
    assert event is not None, "the connection was closed"
    assert Handled.is_type(event.type), event.type
    return Handled.from_event(event).text or ""


async def told(house: House, text: str, conversation: str, **where: str) -> str:
    """The same on a connection of its own, as Home Assistant does it."""
    async with AsyncTcpClient("127.0.0.1", house.port) as client:
        return await ask(client, text, conversation, **where)


def words_of(intent: str) -> set[str]:
    """All that may be said about an intent."""
    return {
        reply.text.replace("{him}", word)
        for reply in PACK.intents[intent].replies
        for word in ("him", "her", "Ingrid", "")
    }


def test_it_says_at_once_what_it_is(house: House) -> None:
    async def describe() -> tuple[Info, float]:
        begun = time.monotonic()
        async with AsyncTcpClient("127.0.0.1", house.port) as client:
            await client.write_event(Describe().event())
            event = await client.read_event()
        assert event is not None
        return Info.from_event(event), time.monotonic() - begun

    info, seconds = run(describe())
    assert seconds < 1.0, "Home Assistant waits a second"
    for programs in (info.handle, info.asr, info.tts):
        (program,) = programs
        assert program.installed
        models = getattr(program, "models", None) or getattr(program, "voices", None)
        assert models
        assert models[0].installed
        assert models[0].languages == ["en"]
    # With a satellite or an intent program Home Assistant would load something else.
    assert info.satellite is None
    assert info.intent == []


def test_five_rooms_talk_at_once_and_none_hears_of_another(house: House) -> None:
    """Each line of a room comes after one of every other."""
    said = {
        "urge": ["I want to call him.", "I want to call him", "stop"],
        "vent": ["I need to vent", "he left me for my sister", "i'm done"],
        "danger": ["I want to kill myself", "yes", "does she miss me"],
        "names": ["call me Anna", "my ex is called Ingrid", "does Ingrid miss me"],
        "chat": ["the bins go out on tuesday", "i feel so lonely", "thank you"],
    }

    async def interleaved() -> dict[str, list[str]]:
        answers: dict[str, list[str]] = {room: [] for room in said}
        for turn in range(3):
            for room, lines in said.items():
                answers[room].append(await told(house, lines[turn], f"in the {room} room"))
        return answers

    heard = run(interleaved())
    assert heard["urge"][0] in words_of("want_to_call_him")
    assert heard["urge"][1] in words_of("want_to_call_him") - {heard["urge"][0]}
    assert heard["urge"][2] == "", "stop is silence"
    assert heard["vent"][0] in PACK.lines["vent_begin"]
    assert heard["vent"][1] == "", "venting is not interrupted"
    assert any(heard["vent"][2].endswith(line) for line in PACK.lines["vent_long_breath"])
    assert "number" in heard["danger"][0]
    assert heard["danger"][1], "yes goes on with the script"
    assert heard["danger"][2] not in words_of("does_he_miss_me"), "no advice about love afterwards"
    assert "Anna" in heard["names"][0]
    assert heard["names"][2]
    assert heard["chat"][0] in words_of("none")
    assert heard["chat"][1] in words_of("i_feel_lonely")
    assert heard["chat"][2] in words_of("thank_you")


def test_danger_is_known_in_the_room_when_home_assistant_begins_a_new_conversation(
    house: House,
) -> None:
    async def evening() -> tuple[str, str, str]:
        first = await told(house, "i want to die", "before", device_id="bedroom")
        later = await told(house, "does he miss me", "after", device_id="bedroom")
        kitchen = await told(house, "does he miss me", "other", device_id="kitchen")
        return first, later, kitchen

    first, later, kitchen = run(evening())
    assert "number" in first
    assert later not in words_of("does_he_miss_me")
    assert kitchen in words_of("does_he_miss_me")


def test_after_good_night_the_house_s_own_wake_word_is_enough(house: House) -> None:
    async def night() -> tuple[str, str]:
        return (
            await told(house, "good night", "night"),
            await told(house, "i feel so lonely", "night"),
        )

    good_night, awake = run(night())
    assert good_night in words_of("good_night")
    assert awake in words_of("i_feel_lonely")


def test_company_and_breathing_are_said_at_once_because_nothing_can_follow(house: House) -> None:
    async def asked() -> tuple[str, str]:
        return (
            await told(house, "stay with me", "company"),
            await told(house, "breathe with me", "breath"),
        )

    company, breath = run(asked())
    assert company in words_of("stay_with_me")
    assert breath in words_of("breathe")


def test_without_a_conversation_id_each_connection_is_a_conversation(house: House) -> None:
    async def two() -> tuple[str, str]:
        async with (
            AsyncTcpClient("127.0.0.1", house.port) as one,
            AsyncTcpClient("127.0.0.1", house.port) as other,
        ):
            await ask(one, "i need to vent")
            return await ask(one, "i feel so lonely"), await ask(other, "i feel so lonely")

    venting, other = run(two())
    assert venting == ""
    assert other in words_of("i_feel_lonely")


async def heard(client: AsyncTcpClient, recording: Path, *, rate: int = 16_000) -> str:
    """What the ears make of a recording, sent in chunks as a satellite does."""
    sound, original = soundfile.read(recording, dtype="int16")
    assert original == 16_000
    sound = np.repeat(sound, rate // original)
    await client.write_event(Transcribe(language="en").event())
    await client.write_event(AudioStart(rate, 2, 1).event())
    for begin in range(0, len(sound), 1024):
        chunk = sound[begin : begin + 1024].tobytes()
        await client.write_event(AudioChunk(rate, 2, 1, chunk).event())
    await client.write_event(AudioStop().event())
    event = await asyncio.wait_for(client.read_event(), WITHIN)
    assert event is not None
    return Transcript.from_event(event).text


async def spoken_by(client: AsyncTcpClient, text: str) -> np.ndarray[Any, Any]:
    """How our voice says a text."""
    await client.write_event(Synthesize(text).event())
    pieces = []
    while event := await asyncio.wait_for(client.read_event(), WITHIN):
        if AudioStop.is_type(event.type):
            break
        if AudioChunk.is_type(event.type):
            chunk = AudioChunk.from_event(event)
            assert (chunk.rate, chunk.width, chunk.channels) == (22_050, 2, 1)
            pieces.append(chunk.audio)
        else:
            assert AudioStart.is_type(event.type), event
    return np.frombuffer(b"".join(pieces), np.int16)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_satellite_can_use_ears_answer_and_voice(house: House, spoken: Spoken, rate: int) -> None:
    recording = spoken("does he miss me", "rms")

    async def turn() -> tuple[str, str, float]:
        async with AsyncTcpClient("127.0.0.1", house.port) as client:
            text = await heard(client, recording, rate=rate)
            answer = await ask(client, text, f"satellite at {rate}")
            sound = await spoken_by(client, answer)
        return text, answer, len(sound) / 22_050

    text, answer, seconds = run(turn())
    assert answer in words_of("does_he_miss_me"), text
    # At our own pace and with our own pauses, which another voice would not know.
    words = len(answer.split())
    assert words * 60 / 170 < seconds < words * 60 / 80 + 4


def test_silence_is_no_words(house: House, tmp_path: Path) -> None:
    silence = tmp_path / "silence.wav"
    soundfile.write(silence, np.zeros(32_000, np.int16), 16_000)

    async def listen() -> str:
        async with AsyncTcpClient("127.0.0.1", house.port) as client:
            return await heard(client, silence)

    assert run(listen()) == ""


def test_other_people_s_words_are_spoken_and_not_kept(house: House, apart: Path) -> None:
    async def speak() -> float:
        async with AsyncTcpClient("127.0.0.1", house.port) as client:
            return len(await spoken_by(client, "The kitchen light is on. Nothing else.")) / 22_050

    assert 1 < run(speak()) < 10
    synthesis = Synthesis()
    synthesis.close()
    prompts = Prompts(apart / "cache" / "prompts", synthesis, Voice())
    for sentence in ("The kitchen light is on.", "Nothing else."):
        key = prompts._key(sentence, PACE)
        assert not (apart / "cache" / "prompts" / f"{key}.flac").exists()


# What is wrong with a connection is felt by nobody else


def sound_of(rate: int, width: int) -> bytes:
    data = f'{{"rate": {rate}, "width": {width}, "channels": 1}}'
    return f'{{"type": "audio-start", "data": {data}}}\n'.encode()


GARBAGE = {
    "a browser": b"GET / HTTP/1.1\r\nHost: lowtide\r\n\r\n",
    "noise": bytes(range(128, 256)) * 20 + b"\n",
    "no object": b'["describe"]\n',
    "no type": b'{"data": {}}\n',
    "a type of another kind": b'{"type": 7}\n',
    "data of another kind": b'{"type": "transcript", "data": "my secret words"}\n',
    "no text": b'{"type": "transcript", "data": {}}\n',
    "text of another kind": b'{"type": "transcript", "data": {"text": ["my secret words"]}}\n',
    "no end of the line": b"x" * 200_000,
    "deep": b'{"type": ' + b"[" * 60_000 + b"\n",
    "a terabyte to come": b'{"type": "audio-chunk", "payload_length": 1000000000000}\n',
    "a negative rate": sound_of(-1, 2),
    "a rate of nothing": sound_of(0, 2),
    "eight bits": sound_of(16_000, 1),
    "words instead of numbers": b'{"type": "ping", "data_length": "my secret words"}\n',
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_closes_that_connection_with_one_line_and_nothing_else(
    house: House, garbage: bytes
) -> None:
    async def meet() -> tuple[bytes, str]:
        async with AsyncTcpClient("127.0.0.1", house.port) as bystander:
            before = len(house.log)
            reader, writer = await asyncio.open_connection("127.0.0.1", house.port)
            try:
                writer.write(garbage)
                answer = await asyncio.wait_for(reader.read(), WITHIN)
            except ConnectionResetError:
                answer = b""
            writer.close()
            (line,) = await asyncio.to_thread(house.logged, before, WITHIN)
            assert await ask(bystander, "i feel so lonely") in words_of("i_feel_lonely")
        return answer, line

    answer, line = run(meet())
    assert answer == b""
    assert re.fullmatch(r"lowtide: connection \d+: closed, not the Wyoming protocol: .+\n", line)
    assert "secret" not in line


def test_connections_that_say_nothing_or_half_of_it_hold_nobody_up(house: House) -> None:
    """More of them than there may be: the oldest are closed, and memory stays."""
    before = house.megabytes

    async def among() -> str:
        silent = []
        for number in range(700):
            _, writer = await asyncio.open_connection("127.0.0.1", house.port)
            if number % 2:
                writer.write(b'{"type": "transcript", "data_length": 300}\n{"text": "i feel')
            silent.append(writer)
        answer = await told(house, "i feel so lonely", "among the silent")
        for writer in silent:
            writer.transport.abort()
        return answer

    assert run(among()) in words_of("i_feel_lonely")
    assert house.megabytes < before + 50


def test_satellites_that_die_in_the_middle_of_a_word_give_the_ears_back(
    house: House, spoken: Spoken
) -> None:
    recording = spoken("does he miss me", "rms")
    words, _ = soundfile.read(recording, dtype="int16")

    async def after() -> str:
        for _ in range(4):  # More than there are recognisers.
            async with AsyncTcpClient("127.0.0.1", house.port) as client:
                await client.write_event(AudioStart(16_000, 2, 1).event())
                await client.write_event(AudioChunk(16_000, 2, 1, words.tobytes()).event())
                assert client._writer is not None
                client._writer.transport.abort()
        async with AsyncTcpClient("127.0.0.1", house.port) as client:
            return await heard(client, recording)

    assert run(after()) == "does he miss me"


def test_a_client_that_takes_no_answer_holds_nobody_up(house: House) -> None:
    async def beside() -> float:
        long = Event("synthesize", {"text": "A long sentence about the weather here. " * 40})
        slow = [socket.create_connection(("127.0.0.1", house.port)) for _ in range(3)]
        line = b'{"type": "synthesize", "data": {"text": "' + long.data["text"].encode() + b'"}}\n'
        for each in slow:
            each.sendall(line * 5)
        begun = time.monotonic()
        for number in range(5):
            await told(house, "i feel so lonely", f"beside the slow {number}")
        seconds = time.monotonic() - begun
        for each in slow:
            each.close()
        return seconds

    assert run(beside()) < 5


# What it says of a mistake


@pytest.mark.parametrize("uri", ["10400", "tcp://127.0.0.1", "http://127.0.0.1:1", "tcp://x:99999"])
def test_an_address_that_is_none(lowtide: Lowtide, uri: str) -> None:
    done = lowtide("serve", "--uri", uri)
    assert done.returncode == 1
    assert done.stderr == (
        f"lowtide: {uri}: is no address to serve at; it looks like tcp://127.0.0.1:10400\n"
    )


def test_an_address_that_is_taken(house: House, lowtide: Lowtide) -> None:
    done = lowtide("serve", "--uri", f"tcp://127.0.0.1:{house.port}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"lowtide: tcp://127.0.0.1:{house.port} can't be served at: ")
    assert done.stderr.count("\n") == 1
