"""Starts the Wyoming programs: the address, the threads, and how many may come at once."""

import asyncio
import contextlib
import functools
import logging
import re
import secrets
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import numpy as np
from wyoming.event import Event
from wyoming.info import (
    AsrModel,
    AsrProgram,
    Attribution,
    HandleModel,
    HandleProgram,
    Info,
    TtsProgram,
    TtsVoice,
)

from lowtide.intents.delivery import PACE
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.pack import Pack
from lowtide.intents.replies import split
from lowtide.voice.bridges.conversations import Conversations
from lowtide.voice.bridges.lately import Lately
from lowtide.voice.bridges.lending import Lending
from lowtide.voice.bridges.sharing import prepare
from lowtide.voice.bridges.wyoming import REMEMBERED, REMEMBERED_FOR, Connection, Service
from lowtide.voice.engines import recogniser
from lowtide.voice.errors import CannotServe
from lowtide.voice.frames import Samples
from lowtide.voice.packs import understander
from lowtide.voice.prompts import Prompts, cache_folder
from lowtide.voice.settings import Settings, load
from lowtide.voice.synthesis import Synthesis, Voice

LOG = logging.getLogger("lowtide.wyoming")

MOST_CLIENTS = 512
"""Connections at once; one more, and the one that has been idle longest is closed."""
MOST_LISTENING = 32
"""Utterances under way at once: at a minute each 60 MB."""
RECOGNISERS = 2
"""Utterances recognised at once; the second recogniser is loaded when two speak."""
URI = re.compile(r"tcp://(?P<host>\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):(?P<port>[0-9]{1,5})")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def uri(text: str) -> tuple[str, int]:
    """Host and port of `tcp://HOST:PORT`.

    Raises:
        CannotServe: It is something else.
    """
    if (found := URI.fullmatch(text)) and int(found["port"]) < 1 << 16:
        return found["host"].strip("[]"), int(found["port"])
    raise CannotServe(f"{text}: is no address to serve at; it looks like tcp://127.0.0.1:10400")


def about(engine: str) -> Event:
    """Who we are, as `Describe` is answered."""
    ours = version("lowtide")
    who = Attribution("lowtide", "https://pypi.org/project/lowtide/")
    common: dict[str, Any] = {"attribution": who, "installed": True, "version": ours}
    return Info(
        asr=[
            AsrProgram(
                name="lowtide-ears",
                description=f"lowtide's ears: {engine}",
                models=[AsrModel("english", description=engine, languages=["en"], **common)],
                **common,
            )
        ],
        tts=[
            TtsProgram(
                name="lowtide-voice",
                description="lowtide's voice",
                voices=[TtsVoice("calm", description="calm", languages=["en"], **common)],
                **common,
            )
        ],
        handle=[
            HandleProgram(
                name="lowtide",
                description="A companion for the hours after a break-up",
                models=[HandleModel("lowtide", description="lowtide", languages=["en"], **common)],
                **common,
            )
        ],
    ).event()


class Server:
    """Serves until it is stopped.

    Args:
        service: What the connections share.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._connections: dict[Connection, None] = {}
        self._listening = asyncio.Semaphore(MOST_LISTENING)

    async def serve(
        self, host: str, port: int, ready: Callable[[str, int], Awaitable[None]]
    ) -> None:
        """Accept connections until SIGTERM, SIGINT or cancellation.

        Args:
            host: A name or an address.
            port: 0 takes a free one.
            ready: Told the address that was taken.

        Raises:
            CannotServe: The address can't be had.
        """
        try:
            server = await asyncio.start_server(self._connected, host, port)
        except OSError as error:
            reason = error.strerror or error
            raise CannotServe(f"tcp://{host}:{port} can't be served at: {reason}") from error
        stopped = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError):  # Windows has no such handlers.
                loop.add_signal_handler(number, stopped.set)
        async with server:
            await ready(*server.sockets[0].getsockname()[:2])
            while not await _within(stopped, REMEMBERED_FOR):
                self._service.readings.forget(time.monotonic())
                self._service.ways.forget(time.monotonic())
            for connection in list(self._connections):
                connection.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= MOST_CLIENTS:
            idle = min(self._connections, key=lambda each: each.last)
            LOG.warning("%s: closed, too many connections", idle.name)
            idle.abort()
            self._connections.pop(idle)
        connection = Connection(self._service, reader, writer, self._listening)
        self._connections[connection] = None
        try:
            await connection.run()
        finally:
            self._connections.pop(connection, None)


async def _within(event: asyncio.Event, seconds: float) -> bool:
    """Whether something happens within so many seconds."""
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return False
    return True


async def serve(
    settings: Settings,
    pack: Pack,
    address: tuple[str, int],
    announced_as: str | None = None,
    tell: Callable[[str], None] = LOG.info,
) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Args:
        settings: The person's.
        pack: What can be heard and said.
        address: Host and port; port 0 takes a free one.
        announced_as: The name under which Home Assistant finds us (zeroconf), or None.
        tell: Told one line when it is ready.

    Raises:
        Trouble: The address, the engine, the voice or zeroconf can't be had.
    """

    async def ready(host: str, port: int) -> None:
        if announced_as is not None:
            await _announce(announced_as, host, port)
        tell(f"Serving at tcp://{host}:{port}")
        if host not in LOOPBACK:
            tell("Everybody on this network can talk to it, and it is not encrypted.")

    async with _service(settings, pack) as service:
        await Server(service).serve(*address, ready)


@asynccontextmanager
async def _service(settings: Settings, pack: Pack) -> AsyncIterator[Service]:
    synthesis = Synthesis()
    prompts = Prompts(cache_folder(), synthesis, Voice(settings.voice))

    def begin() -> Dialogue:
        return Dialogue(
            pack, seed=secrets.randbits(32), person=load().person(), keeps=False, speaks_first=False
        )

    def speak_text(text: str) -> Samples:
        voice = Voice(settings.voice, PACE)
        spoken = [synthesis.render(each, voice) for each in split(text) if each]
        return np.concatenate(spoken) if spoken else np.zeros(0, np.int16)

    understanding = ThreadPoolExecutor(1, "understanding")
    voice = ThreadPoolExecutor(1, "voice")
    ears = ThreadPoolExecutor(RECOGNISERS, "ears")
    make = functools.partial(recogniser, settings.engine, settings.vosk_model)
    lending = Lending(make, RECOGNISERS, ears)
    # The threads end before what they work with: a voice that is lost is started anew.
    with contextlib.ExitStack() as stack:
        stack.callback(synthesis.close)
        stack.callback(lending.close)
        for threads in (understanding, voice, ears):
            stack.enter_context(threads)
        first = await lending.borrow()
        lending.give_back(first)
        preparing = asyncio.create_task(prepare(begin().urgent(), prompts, voice))
        try:
            yield Service(
                info=about(first.name),
                conversations=Conversations(understander(pack), begin, pack),
                lending=lending,
                speak=prompts.render,
                speak_text=speak_text,
                sorry=pack.lines["still_here"][0],
                understanding=understanding,
                voice=voice,
                readings=Lately(REMEMBERED, REMEMBERED_FOR),
                ways=Lately(REMEMBERED, REMEMBERED_FOR),
            )
        finally:
            preparing.cancel()


async def _announce(name: str, host: str, port: int) -> None:
    if host in LOOPBACK:
        raise CannotServe(
            f"{host} can't be found from elsewhere; with --zeroconf serve at tcp://0.0.0.0:10400"
        )
    try:
        from wyoming.zeroconf import HomeAssistantZeroconf  # noqa: PLC0415 - an extra of its own
    except ImportError as error:
        raise CannotServe("--zeroconf needs: pip install 'lowtide[zeroconf]'") from error
    try:
        own = None if host in ("0.0.0.0", "::") else host  # noqa: S104 - told apart, not bound
        await HomeAssistantZeroconf(port, name, own).register_server()
    except (OSError, ValueError) as error:
        raise CannotServe(f"zeroconf can't announce {name!r} here: {error}") from error
