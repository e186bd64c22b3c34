"""Starts the page: address, TLS, pairing, and what its conversations share."""

import asyncio
import contextlib
import functools
import logging
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiohttp import web

from lowtide.intents.dialogue import Dialogue
from lowtide.intents.pack import Pack
from lowtide.voice.bridges import certificate
from lowtide.voice.bridges.lending import Lending
from lowtide.voice.bridges.pairing import Pairing
from lowtide.voice.bridges.sharing import SharedPrompts, prepare
from lowtide.voice.bridges.web import MOST_TALKING, Page
from lowtide.voice.engines import recogniser
from lowtide.voice.errors import CannotServe
from lowtide.voice.packs import understander
from lowtide.voice.prompts import cache_folder
from lowtide.voice.settings import Settings
from lowtide.voice.synthesis import Synthesis, Voice

LOG = logging.getLogger("lowtide.web")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
ENDS_WITHIN = 5.0
"""Seconds that conversations have to end in."""


async def serve(
    settings: Settings,
    pack: Pack,
    address: tuple[str, int],
    tls: tuple[Path, Path] | None,
    tell: Callable[[str], None] = LOG.info,
) -> None:
    """Serve the page until SIGTERM or Ctrl-C.

    Args:
        settings: The person's.
        pack: What can be heard and said.
        address: Host and port; port 0 takes a free one.
        tls: Certificate and key; None is for loopback only.
        tell: Told what the person has to know, a line each.

    Raises:
        Trouble: The address, the certificate, the engine or the voice can't be had.
    """
    host, port = address
    if tls is None and host not in LOOPBACK:
        raise CannotServe(
            "On the network the page needs TLS: --self-signed, or --certificate and --key."
        )
    secure = certificate.context(*tls) if tls else None
    logging.getLogger("aiohttp.server").addFilter(_in_one_line)
    synthesis = Synthesis()
    # The threads end before what they work with: a voice that is lost is started anew.
    with contextlib.ExitStack() as stack:
        stack.callback(synthesis.close)
        prompts = SharedPrompts(cache_folder(), synthesis, Voice(settings.voice))
        ears = ThreadPoolExecutor(MOST_TALKING, "ears")
        make = functools.partial(recogniser, settings.engine, settings.vosk_model)
        lending = Lending(make, MOST_TALKING, ears)
        stack.callback(lending.close)
        stack.enter_context(ears)
        lending.give_back(await lending.borrow())
        pairing = (
            Pairing(lambda code: tell(f"Pairing code: {code[:3]} {code[3:]}")) if tls else None
        )
        page = Page(pack, understander(pack), prompts, lending, pairing)
        urgent = Dialogue(pack, person=settings.person()).urgent()
        preparing = asyncio.create_task(prepare(urgent, prompts, ears))
        runner = web.AppRunner(page.application(), access_log=None, shutdown_timeout=ENDS_WITHIN)
        await runner.setup()
        try:
            await _listen(web.TCPSite(runner, host, port, ssl_context=secure), host, port)
            taken = runner.addresses[0][1]
            tell(f"The page is at http{'s' if tls else ''}://{host}:{taken}/")
            if tls:
                tell(f"SHA-256 of its certificate: {certificate.fingerprint(tls[0])}")
            await _stopped()
        finally:
            preparing.cancel()
            await runner.cleanup()


async def _listen(site: web.TCPSite, host: str, port: int) -> None:
    try:
        await site.start()
    except OSError as error:
        reason = error.strerror or error
        raise CannotServe(f"{host}:{port} can't be served at: {reason}") from error


async def _stopped() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows has no such handlers.
            loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _in_one_line(record: logging.LogRecord) -> bool:
    """The library's log without tracebacks, which may hold what was sent."""
    record.exc_info = None
    return True


def _show(tell: Callable[[str], None], code: str) -> None:
    tell(f"Pairing code: {code[:3]} {code[3:]}")
