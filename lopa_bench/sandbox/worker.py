"""The driver's side of one zygote: start it, hand it programs, take outcomes, end it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Literal

from . import interpreter, namespaces, wire
from .clock import GRACE_S
from .judge import Outcome
from .program import Program

Wall = Literal["own", "bubblewrap", "none"]
_PACKAGE = os.path.dirname(os.path.abspath(__file__))

# The package is loaded under another name: the zygote imports neither lopa_bench nor the driver.
_START = """
import sys, types
package = types.ModuleType("sandbox")
package.__path__ = [sys.argv[1]]
sys.modules["sandbox"] = package
from sandbox.zygote import main
import json
main(*json.loads(sys.argv[2]))
"""

# All a program sees of the environment. Sets are ordered by hashes: a fixed seed gives the same
# verdict twice. (That is why not `python -I`, which ignores the seed; the rest of what -I does
# follows from this list and the working directory.)
_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "MALLOC_ARENA_MAX": "2",  # an arena reserves 64 MB of address space, one per core and thread
    "LD_BIND_NOW": "1",  # once in the zygote: looking symbols up later took a tenth of each program's time
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
}


_MAX_MESSAGE = 16 << 20  # bytes: no zygote sends as much
_PATIENCE_S = 10.0  # the zygote keeps the time itself; this is for one that no longer does


class WorkerDied(Exception):
    """The zygote is gone: no verdict on the program it was running."""


@dataclass(frozen=True)
class Containment:
    """Which mechanisms a zygote uses."""

    wall: Wall
    landlock: bool
    seccomp: bool


class Worker:
    """One zygote. Not thread-safe; must be started from a thread that outlives it, since Linux
    ties the death signal to the thread that made the child.

    Raises:
        WorkerDied: from every method but ``close``.
    """

    def __init__(self, containment: Containment) -> None:
        ours, theirs = socket.socketpair()
        wall = containment.wall
        self._text = wire.shared_file()
        fds = [theirs.fileno(), self._text]
        options = [*fds, os.getpid(), wall, containment.landlock, containment.seccomp]
        package = namespaces.ASIDE if wall == "bubblewrap" else _PACKAGE
        command = [sys.executable, "-s", "-B", "-c", _START, package, json.dumps(options)]
        if wall == "bubblewrap":
            bwrap = shutil.which("bwrap") or "bwrap"
            command = [*namespaces.bubblewrap(bwrap, interpreter.view()), *command]
        self._socket = ours
        self._ready = False
        self._timeout_s = 0.0
        self._overdue_at = float("inf")
        with theirs:
            self._process = subprocess.Popen(
                command,
                env=_ENVIRONMENT,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=fds,
                start_new_session=True,  # Ctrl-C is for the driver, which then ends the zygote
            )

    def fileno(self) -> int:
        return self._socket.fileno()

    def wait_until_ready(self) -> None:
        if failure := self._receive():
            raise WorkerDied(failure.decode())
        self._ready = True

    def canaries(self) -> dict[str, str]:
        """Mechanism to "" where its canary was held, else what went through."""
        self._send(0.0, 0)
        held: dict[str, str] = json.loads(self._receive())
        return held

    def start(self, program: Program, timeout_s: float) -> None:
        """Begin to run ``program``, as soon as the zygote is ready.

        The socket becomes readable when ``finish`` can be called.
        """
        steps = [(test.kind, test.source, test.built) for test in program.tests]
        self._timeout_s = timeout_s
        self._overdue_at = time.monotonic() + timeout_s + GRACE_S + _PATIENCE_S
        self._send(timeout_s, wire.write_file(self._text, {"code": program.code, "steps": steps}))

    def finish(self) -> Outcome | None:
        """What became of the program; None when so far the zygote has become ready to run it."""
        if not self._ready:
            self.wait_until_ready()
            return None
        message = self._receive()
        try:
            end, exit_code, cpu_seconds, wall_seconds = wire.OUTCOME.unpack_from(message)
            reply = message[wire.OUTCOME.size :]
            return Outcome(wire.ENDS[end], exit_code, cpu_seconds, wall_seconds, self._timeout_s, reply)
        except (struct.error, IndexError):
            raise WorkerDied("the zygote said what no zygote says") from None

    @property
    def overdue_at(self) -> float:
        return self._overdue_at

    def close(self) -> None:
        """End the zygote and with it whatever it runs; returns when the processes are gone."""
        os.close(self._text)
        self._socket.close()  # the zygote kills its program, reaps it and ends
        try:
            self._process.wait(timeout=1)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _send(self, timeout_s: float, size: int) -> None:
        try:
            wire.send(self._socket.fileno(), wire.REQUEST.pack(timeout_s, size))
        except OSError as error:
            raise WorkerDied(str(error)) from None

    def _receive(self) -> bytes:
        message = wire.receive(self._socket.fileno(), at_most=_MAX_MESSAGE)
        if message is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                raise WorkerDied(f"zygote ended with {self._process.wait(timeout=1)}")
            raise WorkerDied("zygote closed its socket")
        return message
