"""The fork server: a clean interpreter, behind the wall, that forks one process per program.

Started by ``worker`` with an environment of its own; speaks the messages of ``wire`` on one
socket and ends when that closes. It keeps each program's wall clock and never runs, parses or
unpickles anything of a program's.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import mmap
import os
import select
import signal

from . import canaries, child, interpreter, landlock, limits, linux, namespaces, seccomp, wire
from .child import Lock
from .clock import Clock
from .interpreter import View

# Imported once here rather than in every program: what real MBPP solutions ask for.
_PRELOAD = "re math cmath collections heapq itertools functools operator bisect string copy typing"
MAX_REPLY = 4 << 20  # bytes of all the values of a program
_UNDISTURBED_MS = 20


def main(control: int, text: int, driver: int, wall: str, use_landlock: bool, use_seccomp: bool) -> None:
    """Serve until the driver closes the socket or dies.

    ``control`` is the socket's descriptor, ``text`` that of the file that each program comes in.
    ``wall``: "own" (we make the namespaces), "bubblewrap" (we are inside already) or "none".
    """
    control, text = _low(control, text)
    if wall != "bubblewrap" and os.getppid() != driver:
        return  # the driver died before the next line could tell the kernel to watch it
    linux.die_with_parent(control)
    os.umask(0o022)  # whatever the driver's is: the directories made here are for others too
    view = interpreter.view()
    interpreter.keep_installed_modules_only()
    for name in _PRELOAD.split():
        __import__(name)
    try:
        zygote = Zygote(control, text, view, wall, use_landlock, use_seccomp)
    except OSError as error:
        wire.send(control, str(error).encode())
        return
    wire.send(control, b"")
    zygote.serve()


def _low(*given: int) -> list[int]:
    """The same files under low numbers, whatever they had in a driver with hundreds of files open: a program closes what is below 256.

    None is ``child.REPLY``, the number of a program's reply channel: here that leads nowhere.
    """
    if child.REPLY not in given:
        os.dup2(1, child.REPLY)
    low = [os.dup(fd) for fd in given]
    for fd in given:
        os.close(fd)
    os.dup2(1, child.REPLY)
    return low


class Zygote:
    """Raises OSError from its constructor where a mechanism asked for cannot be had."""

    def __init__(self, control: int, text: int, view: View, wall: str, use_landlock: bool, use_seccomp: bool) -> None:
        self._control = control
        self._text = text
        self._inside: namespaces.Inside | None = None
        memory = limits.address_space() + limits.MEMORY  # read before /proc is out of sight
        scratch, tasks = None, limits.TASKS
        limits.allow_hurry()
        if wall == "own":
            self._inside, scratch = namespaces.enter(view), namespaces.SCRATCH
        elif wall == "none":
            if os.geteuid() == 0 and interpreter.readable_by_others(view.paths, through_parents=True):
                with contextlib.suppress(PermissionError):  # a root without capabilities stays itself
                    namespaces.become(namespaces.nobody())
                linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)  # lost with the old identity
            tasks += limits.tasks_of_user()
        self._rules = landlock.ruleset(view, scratch) if use_landlock else None
        limits.apply(memory=memory, tasks=tasks)
        linux.prctl(linux.PR_SET_DUMPABLE, 0)
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        self._seccomp = None
        if use_seccomp:
            seccomp.bind_zygote(with_scratch=scratch is not None)
            if wall == "own":  # every program is process 1 of its namespace: one filter serves them all
                self._seccomp = seccomp.prepared(1)
        bind_to_pid = use_seccomp and self._seccomp is None
        self._lock = Lock(view, scratch, self._calls(), bind_to_pid)
        self._reply = mmap.mmap(-1, MAX_REPLY + 1, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._reply.madvise(mmap.MADV_DONTFORK)  # what one program answered is not there for the next
        self._filled = 0

    def _calls(self) -> tuple[linux.Call, ...]:
        """Made here rather than in every program's process: new ctypes objects take long."""
        calls = [linux.prepared_drop_of_capabilities(), linux.prepared_prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)]
        if self._rules is not None:
            calls.insert(0, landlock.prepared(self._rules))
        if self._seccomp is not None:
            calls.append(self._seccomp)
        return tuple(calls)

    def serve(self) -> None:
        child.rehearse()
        gc.collect()
        gc.freeze()  # keeps the collector off the pages that every child shares
        gc.disable()
        while message := wire.receive(self._control):
            timeout_s, size = wire.REQUEST.unpack(message)
            if size == 0:
                wire.send(self._control, json.dumps(canaries.run(self._fork, self._lock)).encode())
            else:
                self._run(size, timeout_s)

    def _fork(self) -> int:
        if self._inside is None:
            return os.fork()
        if self._inside.clean_scratch() and self._rules is not None:
            os.close(self._rules)
            self._rules = landlock.ruleset(self._lock.view, self._lock.scratch)
            self._lock = self._lock._replace(calls=self._calls())
        return self._inside.fork()

    def _run(self, size: int, timeout_s: float) -> None:
        """One program from fork to reaping; send how it ended, what it used, and what it wrote."""
        reply_end, write_end = linux.one_way_socket()
        cpu = limits.cpu(timeout_s)
        pid = self._fork()
        if pid == 0:
            child.run(self._text, size, cpu, write_end, self._lock)
        clock = Clock(pid, timeout_s)
        os.close(write_end)
        os.set_blocking(reply_end, False)
        process = os.pidfd_open(pid)
        self._filled = 0
        end = self._watch(process, reply_end, clock)
        if end != "exit" or self._inside is None:  # a process namespace ends with its first process
            _kill(pid)
        _, status, usage = os.wait4(pid, 0)
        wall_seconds = clock.elapsed()
        if end == "driver_gone":
            os._exit(0)
        self._read(reply_end)
        os.close(process)
        os.close(reply_end)
        code, cpu_seconds = os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime
        used = code, cpu_seconds, wall_seconds
        with memoryview(self._reply) as reply:
            wire.send(self._control, wire.OUTCOME.pack(wire.ENDS.index(end), *used), reply[: self._filled])

    def _watch(self, process: int, reply_end: int, clock: Clock) -> str:
        """Collect the reply until the process ended, the time or the room is over.

        Nearly all programs end within ``_UNDISTURBED_MS``, and what they wrote is read then: to be
        woken for every answer takes the CPU from the program.
        """
        poller = select.poll()
        poller.register(process, select.POLLIN)
        poller.register(self._control, select.POLLIN)
        at_most: float = _UNDISTURBED_MS
        while (left := clock.left()) > 0:
            ready = [descriptor for descriptor, _ in poller.poll(min(at_most, 1 + left * 1000))]
            if self._control in ready:
                return "driver_gone"  # it sends nothing while a program runs
            if process in ready:
                return "exit"
            if reply_end in ready and not self._read(reply_end):
                poller.unregister(reply_end)  # closed by the program; it may go on for all we know
            if self._filled > MAX_REPLY:
                return "flood"
            if not ready and at_most == _UNDISTURBED_MS:
                poller.register(reply_end, select.POLLIN)
                at_most = math.inf
        return "timeout"

    def _read(self, descriptor: int) -> bool:
        """Take what is there and has room; False at the end of the pipe."""
        with memoryview(self._reply) as reply:
            try:
                while self._filled <= MAX_REPLY:
                    size = os.readv(descriptor, [reply[self._filled :]])
                    if not size:
                        return False
                    self._filled += size
            except BlockingIOError:
                pass
        return True


def _kill(pid: int) -> None:
    """The program and whatever shares its process group, of which nothing can be left but at D."""
    for kill in (os.killpg, os.kill):
        try:
            kill(pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
