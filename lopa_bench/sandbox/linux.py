"""The few Linux calls the standard library does not offer, through ctypes."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import select
import signal
import sys
from collections.abc import Callable

CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC = 0x00020000, 0x04000000, 0x08000000
CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x10000000, 0x20000000, 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOATIME, MS_BIND, MS_REC, MS_PRIVATE = 1, 2, 4, 1024, 4096, 16384, 1 << 18
MNT_DETACH = 2

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 1, 4, 22, 38

SYS_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
SYS_MOUNT_SETATTR, SYS_LANDLOCK_CREATE, SYS_LANDLOCK_ADD, SYS_LANDLOCK_RESTRICT = 442, 444, 445, 446


@functools.cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


@functools.cache
def architecture() -> str:
    """The instruction set this process runs as: what the seccomp filter must be written for."""
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    return machine if sys.maxsize > 2**32 else f"{machine} (32 bit)"


def _check(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result


Call = Callable[[], int]  # made later, by ``make`` or by a process that can do little else; negative: refused


def prepared_syscall(number: int, *arguments: object) -> Call:
    """A raw system call. Integers are widened to a full register, everything else is a pointer."""
    wide = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return functools.partial(_libc().syscall, ctypes.c_long(number), *wide)


def prepared_prctl(option: int, *values: object) -> Call:
    wide = [ctypes.c_ulong(v) if isinstance(v, int) else v for v in values]
    wide += [ctypes.c_ulong(0)] * (4 - len(wide))
    return functools.partial(_libc().prctl, ctypes.c_int(option), *wide)


def prepared_drop_of_capabilities() -> Call:
    """Empties the permitted, effective and inheritable sets; nothing can be regained without exec."""
    this_process = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3, and pid 0: the caller
    return functools.partial(_libc().capset, this_process, (ctypes.c_uint32 * 6)())


def make(prepared: Call, name: str) -> int:
    return _check(prepared(), name)


def syscall(call: str, number: int, *arguments: object) -> int:
    return make(prepared_syscall(number, *arguments), call)


def prctl(option: int, *values: object) -> int:
    return make(prepared_prctl(option, *values), f"prctl({option})")


def one_way_socket() -> tuple[int, int]:
    """A connected pair: what is written to the second can be read from the first alone.

    Not a pipe, whose writer could open its reading end through /proc and take back what it wrote.
    """
    pair = (ctypes.c_int * 2)()
    unix, stream, close_on_exec = 1, 1, 0o2000000
    _check(_libc().socketpair(unix, stream | close_on_exec, 0, pair), "socketpair")
    return pair[0], pair[1]


def prepared_unshare(flags: int) -> Call:
    return functools.partial(_libc().unshare, ctypes.c_int(flags))


def unshare(flags: int) -> None:
    make(prepared_unshare(flags), f"unshare({flags:#x})")


def prepared_setns(descriptor: int, kind: int) -> Call:
    return functools.partial(_libc().setns, ctypes.c_int(descriptor), ctypes.c_int(kind))


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    encoded = [None if text is None else os.fsencode(text) for text in (source, target, kind)]
    result = _libc().mount(*encoded, ctypes.c_ulong(flags), options.encode() or None)
    _check(result, f"mount({source!r} on {target!r})")


def unmount(target: str) -> None:
    _check(_libc().umount2(os.fsencode(target), MNT_DETACH), f"umount({target!r})")


def pivot_root(new: str, old: str) -> None:
    number = SYS_PIVOT_ROOT[architecture()]
    syscall("pivot_root", number, ctypes.c_char_p(new.encode()), ctypes.c_char_p(old.encode()))


def set_mount_attributes(path: str, attributes: int, *, recursive: bool) -> None:
    """``mount_setattr``: only ever adds restrictions. Needs Linux 5.12."""
    at_fdcwd, at_recursive = -100, 0x8000 if recursive else 0
    structure = (ctypes.c_uint64 * 4)(attributes, 0, 0, 0)  # set, clear, propagation, userns fd
    target = ctypes.c_char_p(os.fsencode(path))
    syscall("mount_setattr", SYS_MOUNT_SETATTR, at_fdcwd, target, at_recursive, structure, 32)


def die_with_parent(parent_alive: int) -> None:
    """Ask the kernel to kill this process when its parent dies.

    ``parent_alive`` is this side's end of a pipe or socket whose other end only the parent holds.
    It closes the gap before the request took hold: a parent that is already gone sends no signal.
    """
    prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    watch = select.poll()
    watch.register(parent_alive, 0)  # POLLHUP and POLLERR are always reported
    if watch.poll(0):
        os._exit(1)
