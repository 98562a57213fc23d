"""Resource limits of a program: what honest programs need with room to spare, and no more."""

from __future__ import annotations

import contextlib
import math
import os
import resource

MEMORY = 1 << 30  # bytes of address space on top of what the zygote maps already
FILE_SIZE = 16 << 20
OPEN_FILES = 64
STACK = 64 << 20  # deep recursion, on Pythons where it uses the C stack
TASKS = 256  # threads; processes it cannot make
MIN_TIMEOUT_S, MAX_TIMEOUT_S = 0.1, 86_400  # a process takes some milliseconds to start
MAX_WORKERS = 1024
_ZYGOTE = 128 << 20  # bytes: more than one maps

# What the host's hard limits must leave, and what raises each.
_PROMISED = {
    "RLIMIT_AS": (MEMORY + _ZYGOTE, "ulimit -v unlimited"),
    "RLIMIT_FSIZE": (FILE_SIZE, "ulimit -f unlimited"),
    "RLIMIT_NOFILE": (OPEN_FILES, "ulimit -n 1024"),
    "RLIMIT_NPROC": (TASKS, "ulimit -u unlimited"),
}


def check(timeout_s: object, workers: object) -> None:
    """Raises ValueError, in one line, for a time limit or a number of workers that makes no sense."""
    number = isinstance(timeout_s, (int, float)) and not isinstance(timeout_s, bool)
    if not (number and MIN_TIMEOUT_S <= timeout_s <= MAX_TIMEOUT_S):  # type: ignore[operator]
        raise ValueError(f"timeout_s must be seconds, from {MIN_TIMEOUT_S} to {MAX_TIMEOUT_S}, not {timeout_s}")
    if workers is not None and not (type(workers) is int and 1 <= workers <= MAX_WORKERS):
        raise ValueError(f"workers must be a whole number from 1 to {MAX_WORKERS}, not {workers}")
    if lack := _lack("RLIMIT_CPU", cpu_seconds(timeout_s), "ulimit -t unlimited"):  # type: ignore[arg-type]
        raise ValueError(f"timeout_s={timeout_s} is too long: {lack}")


def check_open_files(workers: int) -> None:
    """Raises ValueError where the driver may not open the files of so many zygotes."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = len(os.listdir("/proc/self/fd")) + 2 * workers + 16  # a socket and a text each; some while one starts
    if soft != resource.RLIM_INFINITY and soft < needed:
        raise ValueError(
            f"workers={workers} take {needed} open files, and {soft} are allowed: ulimit -n {needed}, or fewer workers"
        )


def lacking() -> str:
    """Which of the host's hard limits, that children inherit, is below what a program is promised; "" if none.

    One line. What a program lacks would count against it.
    """
    return next(filter(None, (_lack(name, *promised) for name, promised in _PROMISED.items())), "")


def _lack(name: str, least: int, way_out: str) -> str:
    _, hard = resource.getrlimit(getattr(resource, name))
    if hard == resource.RLIM_INFINITY or hard >= least:
        return ""
    return (
        f"the hard limit {name} is {hard} here and must be {least}: start from a shell without it (as root: {way_out})"
    )


def address_space() -> int:
    """Bytes of address space this process has mapped now. Needs /proc."""
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[0]) * resource.getpagesize()


def tasks_of_user() -> int:
    """Threads this user has on the machine: outside a user namespace the limit counts them all."""
    count = 0
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and os.stat(f"/proc/{entry}").st_uid == os.getuid():
                count += len(os.listdir(f"/proc/{entry}/task"))
        except OSError:
            continue  # it ended meanwhile
    return count


def cpu_seconds(timeout_s: float) -> int:
    return 2 * math.ceil(timeout_s) + 1


def apply(*, memory: int, tasks: int) -> None:
    """Set every limit but the CPU's, soft and hard, on a zygote, for its programs to inherit.

    Raises:
        OSError: the kernel refused; nothing may run then.
    """
    wanted = {
        resource.RLIMIT_AS: memory,
        resource.RLIMIT_FSIZE: FILE_SIZE,
        resource.RLIMIT_NOFILE: OPEN_FILES,
        resource.RLIMIT_NPROC: tasks,
        resource.RLIMIT_STACK: STACK,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_MSGQUEUE: 0,
    }
    for kind, value in wanted.items():
        resource.setrlimit(kind, _within(kind, value))


def allow_hurry() -> None:
    """Let a zygote raise the priority of its programs, also when it is root no more; only root can."""
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NICE, (40, 40))


def cpu(timeout_s: float) -> tuple[int, int]:
    """The limit for ``apply_cpu``: to be asked outside the program's process."""
    return _within(resource.RLIMIT_CPU, cpu_seconds(timeout_s))


def apply_cpu(limit: tuple[int, int]) -> None:
    """A backstop behind the zygote's clock, in whole seconds, for a program of several threads too."""
    resource.setrlimit(resource.RLIMIT_CPU, limit)


def _within(kind: int, value: int) -> tuple[int, int]:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    return value, value
