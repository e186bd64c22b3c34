"""`lowtide serve`: lowtide for Home Assistant, and as a page for a phone in the same home."""

import asyncio
import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from lowtide.voice.errors import CannotServe

URI = "tcp://127.0.0.1:10400"


def serve(
    uri: Annotated[str, typer.Option(help="Where Home Assistant finds it, loopback.")] = URI,
    zeroconf: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Let Home Assistant find it by itself, by this name."),
    ] = None,
    engine: Annotated[str, typer.Option(help="auto, vosk or sphinx.")] = "",
    pack: Annotated[Path | None, typer.Option("--pack", help="A pack folder of your own.")] = None,
) -> None:
    """Serve Home Assistant (Wyoming): what it answers, its ears and its voice."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="lowtide: %(message)s")
    try:
        from lowtide.voice.bridges import wyoming_server  # noqa: PLC0415 - an extra of its own
    except ImportError as error:
        raise CannotServe("This needs an extra: pip install 'lowtide[wyoming]'") from error
    from lowtide.intents.pack import ENGLISH, load  # noqa: PLC0415 - with the core
    from lowtide.voice import settings  # noqa: PLC0415 - pydantic takes a while

    chosen = settings.load()
    chosen = chosen.model_copy(update={"engine": engine or chosen.engine})
    address = wyoming_server.uri(uri)
    asyncio.run(wyoming_server.serve(chosen, load(pack or ENGLISH), address, zeroconf))
