"""A page for a phone on the night table: its microphone and speaker around this machine's loop.

On loopback it is simply there; on the network only with TLS, and for a device that was paired by a
code. Only pages of this server may talk with it: the origin of every request is looked at.

    page → server   {"rate": 48000}, then sound (16 bit, mono) and
                    {"began": 1}, {"ended": 1}, {"stop": 1}
    server → page   {"sound": 1} and then its sound (16 bit, mono, 22,050 Hz), {"hush": true},
                    {"state": …, "level": …}, {"heard": …}, {"said": …}, {"captions": …},
                    {"trouble": …}
"""

import asyncio
import contextlib
import json
import logging
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from aiohttp import WSCloseCode, WSMessage, WSMsgType, web

from lowtide.intents.acts import Say, Set
from lowtide.intents.dialogue import Dialogue
from lowtide.intents.history import History
from lowtide.intents.pack import Pack
from lowtide.intents.understanding import Understander
from lowtide.voice.bridges.conversations import Dialogues
from lowtide.voice.bridges.lending import Lending
from lowtide.voice.bridges.pairing import Pairing
from lowtide.voice.bridges.talking import FarSpeaker, Line, Talking, Word
from lowtide.voice.errors import Trouble
from lowtide.voice.frames import FRAME_SECONDS, Samples
from lowtide.voice.keeping import Keeping
from lowtide.voice.prompts import Prompts
from lowtide.voice.recognisers import Recogniser
from lowtide.voice.session import Decided, Event, Heard, Listening
from lowtide.voice.settings import load

LOG = logging.getLogger("lowtide.web")

PAGE = Path(__file__).parent / "page"
KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
MOST_TALKING = 4
"""Devices that talk at once, each with a recogniser of its own."""
MOST_WAITING = 512
"""Messages a slow page may leave untaken before its connection is given up."""
LONGEST_MESSAGE = 1 << 17
"""Bytes; a page sends some thousands at a time."""
CLOSES_WITHIN = 2.0
"""Seconds in which a page has to agree that its connection is over."""
LONGEST_CODE = 64
"""Bytes that are read of a pairing code."""
LEVEL_EVERY = 4
"""Frames between two messages about the level: about eight a second."""
BUSY = "Too many devices are talking with lowtide. Close it on another one, then try again."
LOST = "The conversation was lost. Press the button to begin again."
COOKIE = "lowtide"
COOKIE_DAYS = 90
LOOPBACK = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]+)?")
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Post = Callable[[dict[str, Any] | bytes], None]
"""Sends a message, from any thread."""


class Page:
    """The page and its conversations.

    Args:
        pack: What can be heard and said.
        understander: Shared by all.
        prompts: Shared by all.
        lending: Recognisers.
        pairing: Who may come in; None on loopback.
    """

    def __init__(
        self,
        pack: Pack,
        understander: Understander,
        prompts: Prompts,
        lending: Lending,
        pairing: Pairing | None,
    ) -> None:
        self._pack = pack
        self._understander = understander
        self._prompts = prompts
        self._lending = lending
        self._pairing = pairing
        self._dialogues = Dialogues()
        self._keeping: dict[str, Keeping] = {}
        self._born: WeakKeyDictionary[Dialogue, float] = WeakKeyDictionary()
        self._talking: dict[str, tuple[web.WebSocketResponse, asyncio.Event]] = {}
        self._threads = ThreadPoolExecutor(MOST_TALKING, "talking")

    def application(self) -> web.Application:
        """The server's routes."""
        application = web.Application(middlewares=[self._guarded], client_max_size=4096)
        application.add_routes(
            [
                web.get("/", self._index),
                web.get("/pair", self._paired),
                web.post("/pair", self._pair),
                web.get("/talk", self._talk),
                web.get("/{name:[a-z]+\\.(?:css|js|svg)}", self._file),
            ]
        )
        application.on_shutdown.append(self._shut_down)
        return application

    # Who may come in

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Refuse other people's pages, and names that are not ours (DNS rebinding)."""
        if self._pairing is None and not LOOPBACK.fullmatch(request.host):
            raise web.HTTPForbidden(text="This page is at localhost.")
        asks = request.method != "GET" or request.path == "/talk"
        if asks and request.headers.get("Origin") != f"{request.scheme}://{request.host}":
            raise web.HTTPForbidden(text="Only lowtide's own page may do this.")
        response = await handler(request)
        if not response.prepared:
            response.headers.update(HEADERS)
        return response

    def _device(self, request: web.Request) -> str:
        """The device that asks.

        Raises:
            HTTPForbidden: It was not paired.
        """
        token = request.cookies.get(COOKIE, "")
        if not token or (self._pairing is not None and not self._pairing.knows(token)):
            raise web.HTTPForbidden(text="This device is not paired.")
        return token

    async def _paired(self, request: web.Request) -> web.Response:
        self._device(request)
        return web.Response(status=204)

    async def _pair(self, request: web.Request) -> web.Response:
        code = (await request.content.read(LONGEST_CODE)).decode("utf-8", "replace")
        token = await self._pairing.pair(code) if self._pairing else None
        if token is None:
            raise web.HTTPForbidden(text="That is not the code.")
        response = web.Response(status=204)
        _let_in(response, token, secure=True)
        return response

    async def _index(self, request: web.Request) -> web.Response:
        response = _page("index.html")
        if self._pairing is None and COOKIE not in request.cookies:
            _let_in(response, secrets.token_urlsafe(32), secure=False)
        return response

    async def _file(self, request: web.Request) -> web.Response:
        return _page(request.match_info["name"])

    # Talking

    async def _talk(self, request: web.Request) -> web.StreamResponse:
        device = self._device(request)
        socket = web.WebSocketResponse(
            heartbeat=15.0, timeout=CLOSES_WITHIN, max_msg_size=LONGEST_MESSAGE, compress=False
        )
        await socket.prepare(request)
        if device in self._talking:  # The same device again: what it had is over, and goes on here.
            earlier, over = self._talking[device]
            await earlier.close()
            await over.wait()
        if len(self._talking) >= MOST_TALKING:
            await socket.send_json({"trouble": BUSY})
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)
            return socket
        over = asyncio.Event()
        self._talking[device] = socket, over
        try:
            await self._conversation(device, socket)
        finally:
            del self._talking[device]
            over.set()
        return socket

    async def _conversation(self, device: str, socket: web.WebSocketResponse) -> None:
        rate = _rate(await socket.receive())
        if rate is None:
            await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
            return
        loop = asyncio.get_running_loop()
        line = Line(rate)
        out: asyncio.Queue[dict[str, Any] | bytes] = asyncio.Queue()

        def post(message: dict[str, Any] | bytes) -> None:
            loop.call_soon_threadsafe(out.put_nowait, message)

        try:
            recogniser = await self._lending.borrow()
        except Trouble as error:
            await socket.send_json({"trouble": str(error)})
            return
        sending = asyncio.create_task(_sent(socket, out))
        talking = loop.run_in_executor(self._threads, self._talked, device, line, recogniser, post)
        try:
            await _received(socket, line, out)
        finally:
            line.close()
            await talking
            self._lending.give_back(recogniser)
            sending.cancel()

    def _talked(self, device: str, line: Line, recogniser: Recogniser, post: Post) -> None:
        """A conversation on its thread, from connection to loss."""
        now = time.monotonic()
        dialogue = self._dialogues.find([device], now)
        greet = dialogue is None
        keeping = self._keeping[device] = Keeping(load())

        def history() -> History | None:
            """Of the connection that there is when it is asked for: each has a journal open."""
            return self._keeping[device].history()

        if dialogue is None:
            dialogue = Dialogue(
                self._pack,
                seed=secrets.randbits(32),
                person=keeping.person(),
                hour=_hour(),
                history=history,
            )
            self._born[dialogue] = now
        keeping.failed = dialogue.failed
        speaker = FarSpeaker(
            line,
            lambda number, samples: _post_sound(post, number, samples),
            lambda: post({"hush": True}),
            lambda held: post({"hold": held}),
        )
        talking = Talking(
            line,
            speaker,
            dialogue,
            now - self._born[dialogue],
            recogniser=recogniser,
            understander=self._understander,
            prompts=self._prompts,
            recording=lambda: keeping.recording,
        )
        post({"captions": dialogue.person.captions})
        try:
            for message in _messages(talking.events(greet=greet), keeping):
                post(message)
        except Trouble as error:
            post({"trouble": str(error)})
        except Exception as error:  # noqa: BLE001 - the thread's edge: the person is told
            LOG.error("a conversation ended: %s", type(error).__name__)  # noqa: TRY400 - no words
            post({"trouble": LOST})
        finally:
            keeping.close()
            self._dialogues.keep([device], dialogue, time.monotonic())

    async def _shut_down(self, _: web.Application) -> None:
        sockets = [socket for socket, _over in self._talking.values()]
        await asyncio.gather(*(each.close(code=WSCloseCode.GOING_AWAY) for each in sockets))


def _post_sound(post: Post, number: int, samples: Samples) -> None:
    post({"sound": number})
    post(samples.tobytes())


async def _received(
    socket: web.WebSocketResponse, line: Line, out: "asyncio.Queue[dict[str, Any] | bytes]"
) -> None:
    """Take in what a page sends, until it goes or sends what is no part of this."""
    async for message in socket:
        thing: Samples | Word | None
        if message.type == WSMsgType.BINARY:
            thing = np.frombuffer(message.data[: len(message.data) // 2 * 2], np.int16)
        elif message.type == WSMsgType.TEXT:
            thing = _word(message.data)
        else:
            return
        if thing is None:
            LOG.warning("a page sent what is no part of this; its connection is closed")
            await socket.close(code=WSCloseCode.UNSUPPORTED_DATA)
        elif not line.put(thing) or out.qsize() > MOST_WAITING:
            LOG.warning("a page is too slow, or this machine is; its connection is closed")
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER)


async def _sent(
    socket: web.WebSocketResponse, out: "asyncio.Queue[dict[str, Any] | bytes]"
) -> None:
    while True:
        message = await out.get()
        with contextlib.suppress(ConnectionError):  # The reading side notices, and ends it.
            if isinstance(message, bytes):
                await socket.send_bytes(message)
            else:
                await socket.send_json(message)


def _messages(events: Iterator[Event], keeping: Keeping) -> Iterator[dict[str, Any]]:
    """What a page is told of what happens; what is to be kept is kept on the way."""
    said = ""
    for event in events:
        if isinstance(event, Heard) and event.turn.understanding is not None:
            yield {"heard": event.turn.understanding.text}
        if said:
            yield {"said": said}
            said = ""
        if isinstance(event, Decided):
            said = " ".join(act.text for act in event.acts if isinstance(act, Say))
            keeping.acts(event.acts)
            for act in event.acts:
                if isinstance(act, Set) and act.key == "captions":
                    yield {"captions": bool(act.value)}
        elif isinstance(event, Listening) and round(event.now / FRAME_SECONDS) % LEVEL_EVERY == 0:
            state = "speaking" if event.saying else "hearing" if event.hearing else "listening"
            yield {"state": state, "level": round(event.decibels)}


def _rate(message: WSMessage) -> int | None:
    """The rate of a page's microphone, from its first message."""
    if message.type != WSMsgType.TEXT:
        return None
    with contextlib.suppress(ValueError, RecursionError, TypeError, AttributeError):
        rate = json.loads(message.data).get("rate")
        return rate if isinstance(rate, int) and 8000 <= rate <= 192_000 else None
    return None


def _word(text: str) -> Word | None:
    with contextlib.suppress(ValueError, RecursionError, TypeError, AttributeError):
        [(what, number)] = json.loads(text).items()
        if what in ("began", "ended", "stop") and isinstance(number, int):
            return Word(what, number)
    return None


def _let_in(response: web.Response, token: str, *, secure: bool) -> None:
    response.set_cookie(
        COOKIE, token, httponly=True, samesite="Strict", secure=secure, max_age=COOKIE_DAYS * 86_400
    )


def _page(name: str) -> web.Response:
    path = PAGE / name
    if not path.is_file():
        raise web.HTTPNotFound
    kind = KINDS[path.suffix.removeprefix(".")]
    return web.Response(text=path.read_text("utf-8"), content_type=kind, charset="utf-8")


def _hour() -> float:
    """Of the day, 0 to 24, on this machine's clock."""
    now = time.localtime()
    return now.tm_hour + now.tm_min / 60
