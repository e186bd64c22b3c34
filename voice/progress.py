"""Shows how far a download is: a bar on a terminal, nothing where nobody looks."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from lowtide.models.store import Watch


@contextmanager
def shown(name: str) -> Iterator[Watch]:
    """A watch that draws while the block runs.

    Args:
        name: The model's.
    """
    from rich.console import Console  # noqa: PLC0415 - only a download needs it
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TimeRemainingColumn,
    )

    console = Console(stderr=True)
    columns = (BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not sys.stderr.isatty()
    ) as bar:
        task = bar.add_task(name, total=None)

        def progress(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        def waiting() -> None:
            typer.echo(f"Another lowtide is fetching {name}; waiting for it.", err=True)

        yield Watch(progress, waiting)
