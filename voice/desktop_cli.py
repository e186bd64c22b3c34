"""`lowtide desktop`: lowtide in the menu of a Linux desktop, and a microphone without echo."""

import typer

from lowtide.voice import desktop

app = typer.Typer(help="A Linux desktop: menu, microphone without echo.", no_args_is_help=True)


@app.command()
def install() -> None:
    """Put lowtide into the menu of the desktop."""
    for path in desktop.install():
        typer.echo(f"Written: {path}")


@app.command("echo-cancel")
def echo_cancel() -> None:
    """Have PipeWire make a microphone out of which the speaker is taken."""
    typer.echo(f"Written: {desktop.echo_cancel()}")
    typer.echo("It is there after: systemctl --user restart pipewire")
    typer.echo(f"It is used after: {desktop.USE}")


@app.command()
def remove() -> None:
    """Take away what the other two commands wrote."""
    gone = list(desktop.remove())
    for path in gone:
        typer.echo(f"Deleted: {path}")
    if not gone:
        typer.echo("There was nothing to delete.")
