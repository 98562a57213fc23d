"""Which process does a run: a lock file that also works on network file systems and outlives no dead process. Imports no torch."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
import time
import uuid
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.files import load_json

HEARTBEAT = 15.0  # seconds between signs of life
STALE_AFTER = 8 * HEARTBEAT  # without one; long enough for a stalled file server

SAME = 2.0  # seconds between two readings of one process's start; the boot's is told in whole ones

BOOT = Path("/proc/sys/kernel/random/boot_id")  # random(4): drawn anew at every start of the kernel
CLOCK = ".now."  # begins the name of a file that is written to see the file server's time


class Busy(RunFailed):
    """Another living process does this run: it holds the file `lock`."""

    def __init__(self, who: str, lock: Path) -> None:
        super().__init__(who, lock)  # as pickle will call it again
        self.who, self.lock = who, lock

    def __str__(self) -> str:
        return f"{self.who} does this run at the moment; lopa-bench status shows how far it is"


@dataclass(frozen=True)
class Owner:
    """Who holds a lease.

    Attributes:
        machine: host name, boot and process namespace; only there does `pid` mean something.
        started: when the process started, in seconds since the boot, so that a reused pid is not taken for it.
        since: when it took the lease, in seconds since the epoch.
        token: different for every lease.
    """

    machine: str
    pid: int
    started: float
    since: float
    token: str

    @classmethod
    def me(cls) -> Owner:
        process = psutil.Process()
        return cls(machine(), process.pid, _started(process), time.time(), uuid.uuid4().hex)

    @property
    def host(self) -> str:
        return self.machine.split("/")[0]


@cache
def machine() -> str:
    """The host by its name and this boot's number (machines may share a name), and inside it the process namespace: so may containers."""
    boot, namespace = "", ""
    with contextlib.suppress(OSError):
        boot = BOOT.read_text().strip()
        namespace = str(os.stat("/proc/self/ns/pid").st_ino)
    return f"{socket.gethostname()}/{boot}/{namespace}"


def owner_of(path: Path) -> Owner | None:
    """Who holds the lock file `path`, or None if nobody does or it is not readable."""
    try:
        return Owner(**load_json(path))
    except (UserError, TypeError):
        return None


def alive(path: Path, owner: Owner | None) -> bool:
    """On this machine: whether the owner's process runs. On another: whether its last sign of life is recent."""
    if owner is not None and owner.machine == machine():
        try:
            process = psutil.Process(owner.pid)
            same = abs(_started(process) - owner.started) < SAME
            return same and str(process.status()) != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False
    try:
        touched = path.stat().st_mtime
    except FileNotFoundError:
        return False
    return _now(path.parent) - touched < STALE_AFTER


def _started(process: psutil.Process) -> float:
    """Seconds from the boot to its start: whoever sets the clock meanwhile moves the time of both alike."""
    boot = float(psutil.boot_time())  # first: older psutil keep it for the next line
    return float(process.create_time()) - boot


def _now(folder: Path) -> float:
    """The time by the file server's clock, which is the one that wrote the heartbeats; by this machine's where nothing may be written."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=CLOCK, suffix=".tmp") as file:
            file.write(b".")
            file.flush()
            return os.fstat(file.fileno()).st_mtime
    except OSError:  # somebody else's results, or a full disk
        return time.time()


class Lease:
    """``with Lease(path):`` holds the lock file `path` for the time of the block.

    Raises:
        Busy: another living process holds it.
        RunFailed: the folder cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.owner = path, Owner.me()
        self._content = json.dumps(asdict(self.owner)).encode()
        self._takeover = path.with_name(".takeover.lock")
        self._released = threading.Event()

    def __enter__(self) -> Lease:
        while not self._create():
            self._bury_or_raise()
        threading.Thread(target=self._beat, daemon=True).start()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._released.set()
        if owner_of(self.path) == self.owner:
            self._takeover.unlink(missing_ok=True)
            self.path.unlink(missing_ok=True)

    def _create(self) -> bool:
        """Make the file with its content in one step: a link to a temporary one, which fails if the name is taken, on NFS too."""
        try:
            temporary = self.path.with_name(f".{self.path.name}.{uuid.uuid4().hex[:8]}.tmp")
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # less the umask
            try:
                os.write(handle, self._content)
                try:
                    os.link(temporary, self.path)
                except FileExistsError:
                    return os.fstat(handle).st_nlink == 2  # NFS: the answer was lost, and the link had been made
            finally:
                os.close(handle)
                os.unlink(temporary)
        except OSError as error:
            raise RunFailed(f"{self.path} cannot be written ({error.strerror})") from error
        return True

    def _bury_or_raise(self) -> None:
        """Remove a dead process's file; of several processes that find it, one does. A file that has just gone is nobody's to remove."""
        owner = owner_of(self.path)
        there = self.path.exists()  # after the look: a file that came since then is young, and so alive
        if alive(self.path, owner):
            who = f"process {owner.pid} on {owner.host}" if owner else "another process"
            raise Busy(who, self.path)
        if there:
            with FileLock(self._takeover):
                if self.path.exists() and owner_of(self.path) == owner:
                    self.path.unlink(missing_ok=True)

    def _beat(self) -> None:
        while not self._released.wait(HEARTBEAT):
            with contextlib.suppress(OSError):
                owner = owner_of(self.path)
                if owner is not None and owner != self.owner:  # None: absent, or a file server that does not answer now
                    return
                os.utime(self.path)
