"""Home Assistant and its satellites, through the Wyoming protocol: three programs on one socket.

    handle   Transcript → Handled                       what was said → our answer
    asr      AudioStart, AudioChunk …, AudioStop → Transcript
    tts      Synthesize → AudioStart, AudioChunk …, AudioStop

A satellite that uses all three loses nothing on the way: the recogniser's other readings and the
pace, volume and pauses of an answer are remembered for a minute under their text.
Logs name a connection and what was wrong with it, never what came through it.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
import soxr
from wyoming.asr import Transcribe, Transcript
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, async_read_event, async_write_event
from wyoming.handle import Handled
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize

from lowtide.intents.acts import Part, Say
from lowtide.intents.events import Hypothesis
from lowtide.voice.bridges.conversations import Conversations, Told, as_one
from lowtide.voice.bridges.lately import Lately
from lowtide.voice.bridges.lending import Lending, Listening
from lowtide.voice.errors import Trouble
from lowtide.voice.frames import RATE, Samples
from lowtide.voice.synthesis import PROMPT_RATE

LOG = logging.getLogger("lowtide.wyoming")

LONGEST_EVENT = 1 << 18
"""Bytes of an event's data or payload: a chunk of sound has some thousands."""
LONGEST_TEXT = 2000
"""Characters of a text that are read; of a longer one its beginning and its end."""
IDLE = 300.0
"""Seconds without an event after which a connection is half open, or forgotten."""
STALLED = 15.0
"""Seconds without an event in the middle of an utterance, or for a client to take an answer."""
FREE_WITHIN = 30.0
"""Seconds to wait for a recogniser."""
REMEMBERED, REMEMBERED_FOR = 64, 60.0
"""Texts, and seconds, for which readings and ways of saying are kept."""
CHUNK = 2048
"""Samples in a chunk of our voice."""

Asked = TypeVar("Asked")
Speak = Callable[[Say], Samples]
"""Words to samples of `PROMPT_RATE`."""


class Eventable(Protocol):
    """A kind of event of the library's."""

    @staticmethod
    def from_event(event: Event) -> Any:  # noqa: ANN401 - each kind has its own
        """Read it from an event."""
        ...


class Garbage(Exception):  # noqa: N818 - named for what came
    """What came is not the protocol; the message is fit for a log."""


@dataclass(frozen=True)
class Service:
    """What all connections share."""

    info: Event
    conversations: Conversations
    lending: Lending
    speak: Speak
    """An answer of ours."""
    speak_text: Callable[[str], Samples]
    """Somebody else's words, of which nothing is kept."""
    sorry: str
    """What is answered when an answer fails: a sign that we are there."""
    understanding: Executor
    """One thread: the core is not for several."""
    voice: Executor
    """One thread."""
    readings: Lately[str, tuple[Hypothesis, ...]]
    ways: Lately[str, Say]


class Bounded:
    """A reader whose events have a size, and which knows whether it came to its end.

    Has as much of a `StreamReader` as `async_read_event` reads with.
    """

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self.ended = False

    async def readline(self) -> bytes:
        """A line.

        Raises:
            ValueError: It is longer than 64 KiB.
        """
        line = await self._reader.readline()
        self.ended = not line.endswith(b"\n")
        return line

    async def readexactly(self, size: int) -> bytes:
        """So many bytes.

        Raises:
            Garbage: They are too many.
        """
        if size > LONGEST_EVENT:
            raise Garbage("an event is too large")
        return await self._reader.readexactly(size)


class Connection:
    """One client, from its first event to its last."""

    numbers = itertools.count(1)

    def __init__(
        self,
        service: Service,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        listening: asyncio.Semaphore,
    ) -> None:
        self.name = f"connection {next(self.numbers)}"
        self.last = time.monotonic()
        """When it last sent something."""
        self._service = service
        self._reader = Bounded(reader)
        self._writer = writer
        self._allowed = listening
        self._utterance: Listening | None = None
        self._resample: Any = None
        self._answers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "describe": self._describe,
            "ping": self._ping,
            "transcript": self._handle,
            "transcribe": self._transcribe,
            "audio-start": self._begin,
            "audio-chunk": self._hear,
            "audio-stop": self._finish,
            "synthesize": self._speak,
        }

    async def run(self) -> None:
        """Answer events until the client goes or something is wrong with it."""
        try:
            while (event := await self._next()) is not None:
                self.last = time.monotonic()
                if answer := self._answers.get(event.type):
                    await answer(event)
        except Garbage as error:
            self._closed(logging.WARNING, f"not the Wyoming protocol: {error}")
        except TimeoutError:
            self._closed(logging.INFO, "silent for too long")
        except (ConnectionError, asyncio.IncompleteReadError):
            self._closed(logging.INFO, "the client is gone")
        except asyncio.CancelledError:
            self.abort()
            raise
        except Exception as error:  # noqa: BLE001 - the connection's edge: others go on
            self._closed(logging.ERROR, type(error).__name__)
        else:
            self._end()
        finally:
            self._stop_listening()

    def _closed(self, level: int, why: str) -> None:
        LOG.log(level, "%s: closed, %s", self.name, why)
        self.abort()

    def abort(self) -> None:
        """End it at once, whatever is on the way."""
        self._writer.transport.abort()

    def _end(self) -> None:
        """End it when the client has taken what is on the way, or does not take it."""
        self._writer.close()
        asyncio.get_running_loop().call_later(STALLED, self.abort)

    async def _next(self) -> Event | None:
        patience = IDLE if self._utterance is None else STALLED
        reader: Any = self._reader
        try:
            event = await asyncio.wait_for(async_read_event(reader), patience)
        except (KeyError, AttributeError, TypeError, RecursionError) as error:
            raise Garbage("not an event") from error
        if event is None and not self._reader.ended:
            raise Garbage("not an event")
        if event is not None and not (isinstance(event.type, str) and isinstance(event.data, dict)):
            raise Garbage("not an event")
        return event

    async def _write(self, event: Event) -> None:
        await asyncio.wait_for(async_write_event(event, self._writer), STALLED)

    async def _in_thread(self, threads: Executor, work: Callable[..., Asked], *on: object) -> Asked:
        return await asyncio.get_running_loop().run_in_executor(threads, work, *on)

    async def _describe(self, _: Event) -> None:
        await self._write(self._service.info)

    async def _ping(self, event: Event) -> None:
        await self._write(Pong(_read(Ping, event).text).event())

    # handle

    async def _handle(self, event: Event) -> None:
        transcript = _read(Transcript, event)
        context = transcript.context if isinstance(transcript.context, dict) else {}
        told = Told(
            self._readings(_shortened(transcript.text)),
            str(context.get("conversation_id") or self.name),
            _place(context),
        )
        say = await self._in_thread(self._service.understanding, self._answered, told)
        if say is not None:
            self._service.ways.put(say.text, say, time.monotonic())
        await self._write(Handled(say.text if say else "", transcript.context).event())

    def _readings(self, text: str) -> tuple[Hypothesis, ...]:
        known = self._service.readings.get(text, time.monotonic())
        return known or (Hypothesis(text),)

    def _answered(self, told: Told) -> Say | None:
        try:
            return as_one(self._service.conversations.answer(told, time.monotonic()))
        except Exception as error:  # noqa: BLE001 - there is always an answer
            LOG.error("%s: no answer, %s", self.name, type(error).__name__)  # noqa: TRY400
            return Say((Part(self._service.sorry),))

    # asr

    async def _transcribe(self, event: Event) -> None:
        _read(Transcribe, event)  # There is one model, and one language.

    async def _begin(self, event: Event) -> None:
        start = _read(AudioStart, event)
        self._stop_listening()
        usual = 8000 <= start.rate <= 192_000 and 1 <= start.channels <= 8
        if not usual or start.width != 2:
            raise Garbage("sound is 16 bit, 8 to 192 kHz")
        if self._allowed.locked():
            await self._write(Error("lowtide hears too many at once").event())
            return
        await self._allowed.acquire()
        self._utterance = Listening(self._service.lending)
        self._resample = None
        if start.rate != RATE:
            self._resample = soxr.ResampleStream(start.rate, RATE, 1, dtype="int16")

    async def _hear(self, event: Event) -> None:
        chunk = _read(AudioChunk, event)
        if self._utterance is None:
            return
        sound = np.frombuffer(chunk.audio[: len(chunk.audio) // 2 * 2], np.int16)
        if chunk.channels > 1:
            whole = len(sound) // chunk.channels * chunk.channels
            sound = sound[:whole].reshape(-1, chunk.channels).mean(axis=1).astype(np.int16)
        if self._resample is not None:
            sound = self._resample.resample_chunk(sound)
        await self._utterance.hear(sound)

    async def _finish(self, _: Event) -> None:
        if self._utterance is None:
            await self._write(Transcript("").event())
            return
        try:
            hypotheses = await self._utterance.finish(FREE_WITHIN)
        except (Trouble, TimeoutError) as error:
            LOG.error("%s: not heard, %s", self.name, type(error).__name__)  # noqa: TRY400
            hypotheses = ()
        finally:
            self._stop_listening()
        text = hypotheses[0].text if hypotheses else ""
        if text:
            self._service.readings.put(text, hypotheses, time.monotonic())
        await self._write(Transcript(text, language="en").event())

    def _stop_listening(self) -> None:
        if self._utterance is not None:
            self._utterance.close()
            self._utterance = None
            self._allowed.release()

    # tts

    async def _speak(self, event: Event) -> None:
        text = _shortened(_read(Synthesize, event).text)
        say = self._service.ways.get(text, time.monotonic())
        speak, words = (self._service.speak, say) if say else (self._service.speak_text, text)
        try:
            samples = await self._in_thread(self._service.voice, speak, words)
        except Trouble as error:
            await self._write(Error(str(error)).event())
            return
        await self._write(AudioStart(PROMPT_RATE, 2, 1).event())
        for begin in range(0, len(samples), CHUNK):
            sound = samples[begin : begin + CHUNK].tobytes()
            await self._write(AudioChunk(PROMPT_RATE, 2, 1, sound).event())
        await self._write(AudioStop().event())


def _read(kind: type[Any], event: Event) -> Any:  # noqa: ANN401 - each kind has its own
    """An event as its kind.

    Raises:
        Garbage: Something is missing in it, or is of another kind.
    """
    try:
        read = kind.from_event(event)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Garbage(f"{event.type} lacks something") from error
    texts = [getattr(read, "text", "") or ""]
    numbers = [getattr(read, name, 1) for name in ("rate", "width", "channels")]
    if not all(isinstance(each, str) for each in texts):
        raise Garbage(f"{event.type} has no text")
    if not all(isinstance(each, int) and each > 0 for each in numbers):
        raise Garbage(f"{event.type} has no format")
    return read


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_TEXT:
        return text
    half = LONGEST_TEXT // 2
    return f"{text[:half]} {text[-half:]}"


def _place(context: dict[str, Any]) -> str | None:
    """Where something was said; apart from the names of conversations."""
    place = context.get("satellite_id") or context.get("device_id")
    return f"at {place}" if place else None
