"""A child process that does one thing at a time and may be thrown away.

For libraries that must not live in the loop's process: PocketSphinx holds the interpreter lock
while it decodes, and pyttsx3 can hang. The child is started fresh (no fork), so no audio thread is
copied.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

DIES_WITHIN = 0.5
"""Seconds for a child to end when it is told to, before it is killed."""
Serve = Callable[[Connection], None]
"""What a child does with its end of the pipe until the other end closes."""


class WorkerLost(Exception):  # noqa: N818 - named for what happened
    """The child is gone or did not answer in time."""


class Worker:
    """A running child.

    Args:
        serve: A function at the top of a module; runs in the child.
    """

    def __init__(self, serve: Serve) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_child, args=(serve, theirs), daemon=True)
        with _ctrl_c_held_back():
            self._process.start()
        theirs.close()

    def send(self, message: object) -> None:
        """Give the child a message.

        Raises:
            WorkerLost: The child is gone.
        """
        try:
            self._ours.send(message)
        except OSError as error:
            raise WorkerLost("the worker is gone") from error

    def receive(self, seconds: float) -> Any:  # noqa: ANN401 - each worker has its own answers
        """The child's next message.

        Raises:
            WorkerLost: The child is gone, or said nothing for so many seconds.
        """
        try:
            if self._ours.poll(seconds):
                return self._ours.recv()
        except (OSError, EOFError) as error:
            raise WorkerLost("the worker is gone") from error
        raise WorkerLost(f"the worker did not answer within {seconds:.0f} s")

    def waiting(self, seconds: float = 0.0) -> bool:
        """Whether a message of the child, or its end, is there within so many seconds."""
        try:
            return self._ours.poll(seconds)
        except OSError:
            return True  # `receive` tells what is wrong.

    def close(self) -> None:
        """End the child, whatever it is doing."""
        self._ours.close()
        self._process.terminate()
        self._process.join(DIES_WITHIN)
        if self._process.is_alive():  # It hangs where no signal is heard.
            self._process.kill()
            self._process.join(DIES_WITHIN)


@contextlib.contextmanager
def _ctrl_c_held_back() -> Iterator[None]:
    """Ctrl-C is the parent's to handle: a child started in here never gets it, from its first line.

    It reaches the whole terminal; a child that was still importing would print a traceback.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _child(serve: Serve, pipe: Connection) -> None:
    # What libraries print is nobody's to read.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    if not os.environ.get("LOWTIDE_DEBUG"):
        os.dup2(nowhere, 2)
    sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - for the child's whole life
    with contextlib.suppress(EOFError, BrokenPipeError):
        serve(pipe)
