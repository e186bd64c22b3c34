"""`lowtide serve`: lowtide for Home Assistant, or as a page for a phone in the same home."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lowtide.voice.errors import CannotServe

if TYPE_CHECKING:
    from lowtide.intents.pack import Pack
    from lowtide.voice.settings import Settings

URI = "tcp://127.0.0.1:10400"
WEB_PORT = 10480

Host = Annotated[str, typer.Option(help="With --web: the address, loopback unless you say so.")]
PemFile = Annotated[Path | None, typer.Option(metavar="FILE", help="With --web: TLS of your own.")]


def serve(
    uri: Annotated[str, typer.Option(help="Where Home Assistant finds it.")] = URI,
    zeroconf: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Let Home Assistant find it by itself, by this name."),
    ] = None,
    web: Annotated[bool, typer.Option("--web", help="Serve a page for a browser instead.")] = False,
    host: Host = "127.0.0.1",
    port: Annotated[int, typer.Option(help="With --web.", min=0, max=65535)] = WEB_PORT,
    self_signed: Annotated[
        bool, typer.Option("--self-signed", help="With --web: TLS, by a certificate made here.")
    ] = False,
    certificate: PemFile = None,
    key: PemFile = None,
    engine: Annotated[str, typer.Option(help="auto, vosk, whisper or sphinx.")] = "",
    pack: Annotated[Path | None, typer.Option("--pack", help="A pack folder of your own.")] = None,
) -> None:
    """Serve Home Assistant (Wyoming): answers, ears and voice; or a page for a phone (--web).

    Only this machine can reach it unless you name another address.
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="lowtide: %(message)s")
    from lowtide.intents.pack import ENGLISH, load  # noqa: PLC0415 - with the core
    from lowtide.voice import settings  # noqa: PLC0415 - pydantic takes a while
    from lowtide.voice.helplines import as_of  # noqa: PLC0415 - with the core

    if (certificate is None) != (key is None):
        raise typer.BadParameter("go together.", param_hint="--certificate and --key")
    chosen = settings.load()
    chosen = chosen.model_copy(update={"engine": engine or chosen.engine})
    loaded = as_of(load(pack or ENGLISH), date.today())  # noqa: DTZ011 - the person's own day
    if web:
        own = (certificate, key) if certificate and key else None
        work = _page(chosen, loaded, (host, port), own, self_signed=self_signed)
    else:
        work = _wyoming(chosen, loaded, uri, zeroconf)
    asyncio.run(work)


def _wyoming(
    settings: "Settings", pack: "Pack", at: str, zeroconf: str | None
) -> Coroutine[Any, Any, None]:
    try:
        import wyoming  # noqa: F401, PLC0415 - an extra of its own
    except ImportError as error:
        raise CannotServe("This needs an extra: pip install 'lowtide[wyoming]'") from error
    from lowtide.voice.bridges.wyoming_server import serve, uri  # noqa: PLC0415 - needs the extra

    return serve(settings, pack, uri(at), zeroconf)


def _page(
    settings: "Settings",
    pack: "Pack",
    address: tuple[str, int],
    own: tuple[Path, Path] | None,
    *,
    self_signed: bool,
) -> Coroutine[Any, Any, None]:
    try:
        import aiohttp  # noqa: F401, PLC0415 - an extra of its own
        import cryptography  # noqa: F401, PLC0415
    except ImportError as error:
        raise CannotServe("This needs an extra: pip install 'lowtide[web]'") from error
    from lowtide.voice.bridges.certificate import self_signed as own_made  # noqa: PLC0415 - the extra
    from lowtide.voice.bridges.web_server import serve  # noqa: PLC0415 - the extra

    tls = own or (own_made(address[0]) if self_signed else None)
    return serve(settings, pack, address, tls)
