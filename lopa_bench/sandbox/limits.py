"""Resource limits of a program: what honest programs need with room to spare, and no more."""

from __future__ import annotations

import math
import os
import resource

MEMORY = 1 << 30  # bytes of address space on top of what the zygote maps already
FILE_SIZE = 16 << 20
OPEN_FILES = 64
STACK = 64 << 20  # deep recursion, on Pythons where it uses the C stack
TASKS = 256  # threads; processes it cannot make


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


def cpu(timeout_s: float) -> tuple[int, int]:
    """The limit for ``apply_cpu``: to be asked outside the program's process."""
    return _within(resource.RLIMIT_CPU, cpu_seconds(timeout_s))


def apply_cpu(limit: tuple[int, int]) -> None:
    """A backstop behind the wall clock, in whole seconds, for a program of several threads too."""
    resource.setrlimit(resource.RLIMIT_CPU, limit)


def _within(kind: int, value: int) -> tuple[int, int]:
    _, hard = resource.getrlimit(kind)
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    return value, value
