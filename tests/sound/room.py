"""A room in software: a private PulseAudio daemon with a microphone and a loudspeaker in it.

    say ──► room ──► room.monitor ──► microphone ──► lowtide talk ──► speaker ──► speaker.monitor
                          │                                                            │
                        Tape                                                         Tape

ALSA's default device leads to the daemon (libasound2-plugins), so PortAudio sees a real device.
All times are seconds of `time.monotonic()`.
"""

import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import soundfile
from numpy.typing import NDArray

RATE = 16_000
EARS_OPEN = 0.6
"""Seconds after the end of our voice from which we hear again: the tail of 0.35, and latencies."""
LATENCY_MS = 60
"""Of each stream at the daemon: what our speaker asks for; with 30 a busy machine underruns."""
AUDIBLE = -50.0
"""dBFS in 10 ms from which something sounds; our voice lies near -23, its pauses at -96."""
LONGEST_PAUSE = 1.3
"""Seconds: the pause before the action is 1.0; a longer silence is the end."""
SOCKETS = ("module-native-protocol-unix auth-anonymous=1", "module-cli-protocol-unix")
ROOM = "module-null-sink sink_name=room rate=48000"
SPEAKER = "module-null-sink sink_name=speaker rate=48000"
ASOUND = """
pcm.!default { type pulse hint { show on description "The room" } }
ctl.!default { type pulse }
"""


@dataclass(frozen=True)
class Sound:
    """From the first to the last moment at which something was audible."""

    start: float
    end: float


class Room:
    """The daemon and what happens in the room.

    Args:
        folder: Everything it writes, its sockets too, so that no other daemon is met.
    """

    def __init__(self, folder: Path) -> None:
        runtime = folder / "runtime"
        runtime.mkdir(mode=0o700)
        (folder / "asound.conf").write_text(ASOUND)
        self.environment = os.environ | {
            "HOME": str(folder),
            "XDG_RUNTIME_DIR": str(runtime),
            "XDG_CONFIG_HOME": str(folder),
            "PULSE_RUNTIME_PATH": str(runtime),
            "PULSE_SERVER": f"unix:{runtime}/native",
            "PULSE_SOURCE": "room.monitor",
            "PULSE_SINK": "speaker",
            "PULSE_LATENCY_MSEC": str(LATENCY_MS),
            "ALSA_CONFIG_PATH": str(folder / "asound.conf"),
        }
        self._log = folder / "pulseaudio.log"
        self._daemon = self._started(self._log)

    def close(self) -> None:
        """End the daemon."""
        self._daemon.terminate()
        self._daemon.wait(10)

    def restart(self) -> None:
        """The sound server dies under whoever uses it, and is back a second later."""
        self._daemon.kill()
        self._daemon.wait(10)
        time.sleep(1)
        self._daemon = self._started(self._log)

    @contextmanager
    def without_microphone(self) -> Iterator[None]:
        """Pull the microphone out, and plug it in again at the end.

        The server would move whoever hears it to another source, and there is always one here: a
        speaker has a monitor. So it is told to end that stream, as it does where nothing is left.
        """
        modules = self._run("pactl", "list", "short", "modules").splitlines()
        [number] = [line.split()[0] for line in modules if "sink_name=room" in line]
        self._run("pactl", "unload-module", number)
        blocks = self._run("pactl", "list", "source-outputs").split("Source Output #")
        for block in blocks:
            if "ALSA plug-in" in block:
                self._command(f"kill-source-output {block.split()[0]}")
        try:
            yield
        finally:
            self._run("pactl", "load-module", *ROOM.split())

    @contextmanager
    def following_the_server(self) -> Iterator[None]:
        """Leave the choice of devices to the server, as a desktop does, until the end.

        The next test meets a fresh server: this one would move whatever it likes, our tapes too,
        to the devices that were chosen here.
        """
        named = {key: self.environment.pop(key) for key in ("PULSE_SOURCE", "PULSE_SINK")}
        self.use(source=named["PULSE_SOURCE"], sink=named["PULSE_SINK"])
        try:
            yield
        finally:
            self.environment |= named
            self.restart()

    def use(self, source: str, sink: str) -> None:
        """Make these the server's default devices."""
        self._run("pactl", "set-default-source", source)
        self._run("pactl", "set-default-sink", sink)

    @contextmanager
    def another(
        self, name: str, kind: str = "null-sink", *options: str
    ) -> Iterator[Callable[[], None]]:
        """Plug in another device until the end, or until what is given is called."""
        load = ("pactl", "load-module", f"module-{kind}")
        named = f"sink_name={name}" if kind == "null-sink" else f"source_name={name}"
        number = self._run(*load, named, "rate=48000", *options).strip()
        unload = lambda: self._run("pactl", "unload-module", number, check=False)  # noqa: E731
        try:
            yield unload
        finally:
            unload()

    def say(self, recording: Path, at: str = "room") -> None:
        """Play a recording before a microphone, as loud as it is, and return when it has ended."""
        self._run("paplay", f"--device={at}", str(recording))

    @contextmanager
    def noise(self, recording: Path) -> Iterator[None]:
        """Play a recording in the room meanwhile."""
        player = subprocess.Popen(["paplay", "--device=room", recording], env=self.environment)
        try:
            yield
            assert player.poll() is None, "the noise was over too early"
        finally:
            player.terminate()
            player.wait()

    @contextmanager
    def speaker_in_the_room(self) -> Iterator[None]:
        """Let the microphone hear the loudspeaker, as loud as it plays."""
        loop = ("module-loopback", "source=speaker.monitor", "sink=room", "latency_msec=40")
        number = self._run("pactl", "load-module", *loop).strip()
        try:
            yield
        finally:
            self._run("pactl", "unload-module", number)

    def tape(self, source: str) -> "Tape":
        """Record "room" or "speaker"."""
        return Tape(f"{source}.monitor", self.environment)

    def talk(self, **environment: str) -> "Talk":
        """Start `lowtide talk --json` in the room."""
        return Talk(self.environment | environment)

    def _command(self, line: str) -> None:
        """A command that pactl does not have, to the daemon itself."""
        with socket.socket(socket.AF_UNIX) as daemon:
            daemon.connect(f"{self.environment['PULSE_RUNTIME_PATH']}/cli")
            daemon.sendall(f"{line}\n".encode())
            time.sleep(0.2)

    def _started(self, log: Path) -> subprocess.Popen[bytes]:
        modules = [*SOCKETS, ROOM, SPEAKER]
        with log.open("wb") as file:
            daemon = subprocess.Popen(
                [
                    *("pulseaudio", "-n", "--daemonize=no", "--use-pid-file=no"),
                    *("--disable-shm=yes", "--exit-idle-time=-1"),
                    *(f"--load={module}" for module in modules),
                ],
                env=self.environment,
                stdout=file,
                stderr=file,
            )
        _until(lambda: "speaker.monitor" in self._run("pactl", "list", "short", check=False), 10)
        return daemon

    def _run(self, *command: str, check: bool = True) -> str:
        done = subprocess.run(
            command, env=self.environment, check=check, capture_output=True, text=True, timeout=60
        )
        return done.stdout


class Tape:
    """Records a source from `with` to its end, and knows when each sample sounded."""

    def __init__(self, source: str, environment: dict[str, str]) -> None:
        self._command = [
            *("parec", f"--device={source}", f"--rate={RATE}", "--channels=1", "--format=s16le"),
            *("--raw", "--latency-msec=10"),
        ]
        self._environment = environment
        self._pieces: list[bytes] = []
        self._zero = float("inf")

    def __enter__(self) -> Self:
        self._recorder = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.PIPE
        )
        self._thread = threading.Thread(target=self._record)
        self._thread.start()
        _until(lambda: bool(self._pieces), 10)
        return self

    def __exit__(self, *raised: object) -> None:
        self._recorder.terminate()
        self._thread.join()
        self._recorder.communicate()

    @property
    def began(self) -> float:
        """When the first sample sounded."""
        return self._zero

    @property
    def samples(self) -> NDArray[np.int16]:
        """Everything recorded so far."""
        whole = b"".join(self._pieces)
        return np.frombuffer(whole[: len(whole) // 2 * 2], np.int16)

    def sounds(self, longest_pause: float = LONGEST_PAUSE) -> list[Sound]:
        """What was audible, in order; silences up to `longest_pause` are a part of it."""
        block = RATE // 100
        samples = self.samples.astype(np.float64) / 32768
        samples = samples[: len(samples) // block * block].reshape(-1, block)
        levels = 10 * np.log10(np.mean(samples**2, axis=1) + 1e-12)
        found: list[Sound] = []
        for start in np.flatnonzero(levels > AUDIBLE) * 0.01 + self._zero:
            if found and start - found[-1].end <= longest_pause:
                found[-1] = Sound(found[-1].start, start + 0.01)
            else:
                found.append(Sound(start, start + 0.01))
        return found

    def write(self, path: Path) -> None:
        """Keep it as a WAV file, to listen to what a test heard."""
        soundfile.write(path, self.samples, RATE, subtype="PCM_16")

    def _record(self) -> None:
        assert self._recorder.stdout is not None
        recorded = 0
        while piece := os.read(self._recorder.stdout.fileno(), 4096):
            recorded += len(piece)
            self._pieces.append(piece)
            # Sound comes late, never early: the earliest arrival tells when the tape began.
            self._zero = min(self._zero, time.monotonic() - recorded / 2 / RATE)


@dataclass(frozen=True)
class Evening:
    """A session under way, with everything in the room and everything we say on tape."""

    talk: "Talk"
    people: Tape
    voice: Tape


class Talk:
    """`lowtide talk --json` as a process of its own, started and listening."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._begun = time.monotonic()
        # Tests that a script runs in the background ignore Ctrl-C, and a child would inherit that.
        before = signal.signal(signal.SIGINT, signal.SIG_DFL)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lowtide.voice", "talk", "--json"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        signal.signal(signal.SIGINT, before)
        self.ready_after = 0.0
        """Seconds from the start of the process until it listened."""
        self._events: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read)

    def __enter__(self) -> Self:
        self._reader.start()
        if self._next(20) != {"listening": True}:
            _, errors = self.stop()
            self.__exit__()
            raise AssertionError(f"lowtide did not listen: {errors}")
        self.ready_after = time.monotonic() - self._begun
        return self

    def __exit__(self, *raised: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
        self._reader.join(10)
        self._process.communicate()

    def greeting(self) -> None:
        """Let us say our first words, and wait until we listen."""
        greeting = self.turn(within=60)
        assert greeting["text"] == "", greeting
        time.sleep(EARS_OPEN)

    def turn(self, within: float) -> dict[str, Any]:
        """The next turn that is over, our greeting and prompts into a silence among them."""
        event = self._next(within)
        assert event is not None, "lowtide ended"
        return event

    def answered(self, within: float) -> dict[str, Any]:
        """The next turn in which somebody was heard."""
        deadline = time.monotonic() + within
        while not (turn := self.turn(deadline - time.monotonic()))["text"]:
            pass
        return turn

    def stop(self) -> tuple[int, str]:
        """Press Ctrl-C, which reaches its workers too; exit status and standard error."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGINT)
        self._reader.join(10)
        assert self._process.stderr is not None
        return self._process.wait(10), self._process.stderr.read()

    def suspend(self, seconds: float) -> None:
        """Stop it and its workers for a while, as a machine does that sleeps."""
        os.killpg(self._process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.killpg(self._process.pid, signal.SIGCONT)

    def cpu_seconds(self) -> float:
        """What it and its workers have computed so far."""
        ticks = 0
        for path in Path("/proc").glob("[0-9]*/stat"):
            with suppress(FileNotFoundError, ProcessLookupError):
                fields = path.read_text().rpartition(")")[2].split()
                if int(fields[3]) == self._process.pid:  # the session it was started in
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")

    def sound_worker(self) -> int:
        """The process that owns the devices."""
        for path in Path("/proc").glob("[0-9]*/maps"):
            with suppress(OSError):
                own = os.getsid(int(path.parent.name)) == self._process.pid
                if own and "libportaudio" in path.read_text():
                    return int(path.parent.name)
        raise AssertionError("no process of lowtide's has PortAudio")

    def rest(self) -> list[dict[str, Any]]:
        """After its end: the turns nobody has taken."""
        return list(iter(lambda: self._next(10), None))

    def _next(self, within: float) -> dict[str, Any] | None:
        try:
            return self._events.get(timeout=within)
        except queue.Empty:
            raise AssertionError(f"nothing happened within {within:.1f} s") from None

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._events.put(json.loads(line))
        self._events.put(None)


def _until(true: Callable[[], bool], within: float) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, f"not within {within} s"
        time.sleep(0.05)
