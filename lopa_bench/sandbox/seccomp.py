"""seccomp: an allow-list of system calls, assembled by hand as classic BPF.

A Python program that computes needs about a hundred calls; everything else (sockets, fork, exec,
signals to others, ptrace, mount, namespaces, bpf, io_uring, System V IPC, changing modes or
owners, raising limits) fails with ENOSYS, as on a kernel that lacks it, so that libraries take
their fallback.

It comes in two filters, of which the kernel always takes the stricter answer. A zygote binds itself
to the long one, which its programs inherit; it also allows what a zygote and the start of a program
need. A program's process adds a short one that takes those calls away. Translating, compiling
and freeing the whole list would be a tenth of what a program costs.

Source: Linux ``Documentation/userspace-api/seccomp_filter.rst``; the numbers are
those of ``asm/unistd_64.h`` and ``asm-generic/unistd.h``.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import NamedTuple

from . import linux

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name: (x86_64, aarch64); None where that architecture never had the call.
_ALLOWED: dict[str, tuple[int, int | None]] = {
    # reading, writing, waiting
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66),
    "close_range": (436, 436), "pread64": (17, 67), "pwrite64": (18, 68), "lseek": (8, 62), "close": (3, 57),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None),
    "pipe2": (293, 59), "select": (23, None), "pselect6": (270, 72), "poll": (7, None),
    "ppoll": (271, 73), "epoll_create1": (291, 20), "epoll_ctl": (233, 21),
    "epoll_wait": (232, None), "epoll_pwait": (281, 22), "eventfd2": (290, 19),
    # files: which ones is for the mounts and Landlock to say
    "fstat": (5, 80), "newfstatat": (262, 79), "stat": (4, None), "lstat": (6, None),
    "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138, 44), "access": (21, None),
    "faccessat": (269, 48), "faccessat2": (439, 439), "getdents64": (217, 61),
    "getcwd": (79, 17), "chdir": (80, 49), "fchdir": (81, 50), "readlink": (89, None),
    "readlinkat": (267, 78), "rename": (82, None), "renameat": (264, 38),
    "renameat2": (316, 276), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None),
    "unlink": (87, None), "unlinkat": (263, 35), "symlink": (88, None), "symlinkat": (266, 36),
    "ftruncate": (77, 46), "fsync": (74, 82), "fdatasync": (75, 83), "flock": (73, 32),
    "umask": (95, 166),
    # memory
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216),
    "madvise": (28, 233), "brk": (12, 214),
    # its own signals, timers and threads
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139),
    "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133),
    "sigaltstack": (131, 132), "getitimer": (36, 102), "setitimer": (38, 103),
    "alarm": (37, None), "pause": (34, None), "nanosleep": (35, 101),
    "clock_nanosleep": (230, 115), "futex": (202, 98), "set_robust_list": (273, 99),
    "set_tid_address": (218, 96), "rseq": (334, 293), "membarrier": (324, 283),
    "sched_yield": (24, 124), "restart_syscall": (219, 128),
    "exit": (60, 93), "exit_group": (231, 94),
    # asking about itself and the time
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getuid": (102, 174),
    "geteuid": (107, 175), "getgid": (104, 176), "getegid": (108, 177),
    "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158),
    "getpgid": (121, 155), "getpgrp": (111, None), "getsid": (124, 156),
    "getpriority": (140, 141), "getrlimit": (97, 163), "getrusage": (98, 165),
    "sched_getaffinity": (204, 123), "getcpu": (309, 168), "uname": (63, 160),
    "sysinfo": (99, 179), "times": (100, 153), "time": (201, None), "gettimeofday": (96, 169),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "getrandom": (318, 278),
    # one end of a socketpair, the only kind of socket it can have
    "recvfrom": (45, 207), "shutdown": (48, 210), "getsockname": (51, 204),
    "getsockopt": (55, 209),
}  # fmt: skip


class _Is(NamedTuple):
    """One condition on half an argument: ``(word & mask) == value``."""

    word: int  # 2 * argument for its low 32 bits, one more for the high ones
    value: int
    mask: int = 0xFFFFFFFF


def _any_of(argument: int, *values: int) -> list[list[_Is]]:
    return [[_Is(2 * argument, value)] for value in values]


# What a zygote, and the process of a program before it starts, do besides.
_ZYGOTES: dict[str, tuple[int, int | None]] = {
    "fork": (57, None),  # musl's; glibc's is a clone
    "wait4": (61, 260), "pidfd_open": (434, 434), "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "setsid": (112, 157), "capset": (126, 91),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
}  # fmt: skip

_Conditions = dict[tuple[int, int], list[list[_Is]]]  # alternatives, each a list of conditions


def _everyones_conditions() -> _Conditions:
    truncate, access_mode = os.O_TRUNC, os.O_ACCMODE
    return {
        # ioctl: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. Not TIOCSTI, FIOSETOWN.
        (16, 29): _any_of(1, 0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451),
        # fcntl: duplicates, flags and locks. Not F_SETOWN and F_SETSIG, which send signals.
        (72, 25): _any_of(1, 0, 1, 2, 3, 4, 5, 6, 7, 1030),
        # openat: O_TRUNC without a writing mode would pass Landlock before its version 3
        (257, 56): [
            [_Is(4, 0, truncate)],
            [_Is(4, truncate | os.O_WRONLY, truncate | access_mode)],
            [_Is(4, truncate | os.O_RDWR, truncate | access_mode)],
        ],
        # socketpair(AF_UNIX, SOCK_STREAM), which asyncio's loop wakes itself with, and sending on
        # it without an address
        (53, 199): [[_Is(0, 1), _Is(2, 1, 0xF)]],
        (44, 206): [[_Is(8, 0), _Is(9, 0)]],
    }


def _programs_conditions(own_pid: int) -> _Conditions:
    thread, new_namespaces, vfork_ptrace = 0x00010000, 0x7E020000, 0x00006000
    return {
        # clone: threads only. (clone3 hides its flags behind a pointer, so it does not exist here;
        # the C library then falls back to clone.)
        (56, 220): [[_Is(0, thread, thread | new_namespaces | vfork_ptrace)]],
        # kill, tgkill: only itself
        (62, 129): _any_of(0, own_pid),
        (234, 131): _any_of(0, own_pid),
        # prlimit64: reading a limit (new_limit is NULL), never setting one
        (302, 261): [[_Is(4, 0), _Is(5, 0)]],
        # prctl: naming a thread
        (157, 167): _any_of(0, 15, 16),
    }


_LOAD, _AND, _JUMP_EQUAL, _JUMP_ABOVE, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
_ALLOW, _KILL = 0x7FFF0000, 0x80000000
_REFUSE, _ABSENT = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)


def zygotes_filter(architecture: str) -> bytes:
    """BPF instructions that allow what is listed, to a zygote and all it forks.

    Raises:
        KeyError: no table for that architecture.
    """
    column = list(ARCHITECTURES).index(architecture)
    listed = (*_ALLOWED.values(), *_ZYGOTES.values(), *_programs_conditions(0))
    bodies = {numbers[column]: [_instruction(_RETURN, _ALLOW)] for numbers in listed}
    bodies.pop(None, None)
    bodies |= _conditional(_everyones_conditions(), column)
    return _assemble(architecture, bodies, otherwise=_ABSENT)


def programs_filter(architecture: str, own_pid: int) -> bytes:
    """BPF instructions that take away what the zygote's filter allows a zygote, and no program."""
    column = list(ARCHITECTURES).index(architecture)
    bodies = {numbers[column]: [_instruction(_RETURN, _ABSENT)] for numbers in _ZYGOTES.values()}
    bodies.pop(None, None)
    bodies |= _conditional(_programs_conditions(own_pid), column)
    return _assemble(architecture, bodies, otherwise=_ALLOW)


def _conditional(conditions: _Conditions, column: int) -> dict[int, list[bytes]]:
    return {
        numbers[column]: [
            *(instruction for alternative in alternatives for instruction in _check(alternative)),
            _instruction(_RETURN, _REFUSE),
        ]
        for numbers, alternatives in conditions.items()
    }


def _assemble(architecture: str, bodies: dict[int, list[bytes]], otherwise: int) -> bytes:
    program = [
        _instruction(_LOAD, _ARCH),
        _instruction(_JUMP_EQUAL, ARCHITECTURES[architecture], 1, 0),
        _instruction(_RETURN, _KILL),  # another ABI has other numbers
        _instruction(_LOAD, _NUMBER),
        *_search(sorted(bodies.items()), otherwise),
    ]
    return b"".join(program)


def _search(bodies: list[tuple[int, list[bytes]]], otherwise: int) -> list[bytes]:
    """Go to the body of the loaded number: by halves, for the kernel walks the filter for each
    number there is when it is installed, once for every program. (The x32 calls, which share
    x86_64's name, have numbers above all of these.)
    """
    if len(bodies) > 3:
        half = len(bodies) // 2
        low, high = _search(bodies[:half], otherwise), _search(bodies[half:], otherwise)
        return [_instruction(_JUMP_ABOVE, bodies[half][0], len(low), 0), *low, *high]
    program = []
    for number, body in bodies:
        program += [_instruction(_JUMP_EQUAL, number, 0, len(body)), *body]
    return [*program, _instruction(_RETURN, otherwise)]


def _check(conditions: list[_Is]) -> list[bytes]:
    """Return ALLOW when all conditions hold, else fall through to what follows."""
    body = [_instruction(_RETURN, _ALLOW)]
    for word, value, mask in reversed(conditions):
        body.insert(0, _instruction(_JUMP_EQUAL, value, 0, len(body)))
        if mask != 0xFFFFFFFF:
            body.insert(0, _instruction(_AND, mask))
        body.insert(0, _instruction(_LOAD, _ARGUMENTS + 4 * word))
    return body


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def prepared(own_pid: int) -> linux.Call:
    """The call that binds a program's process to its filter; it must have ``no_new_privs``."""
    return _binding(programs_filter(linux.architecture(), own_pid))


def bind_zygote() -> None:
    """Bind this process and all it forks to the zygote's filter; it must have ``no_new_privs``.

    Raises:
        OSError: the kernel refused; nothing may run then.
    """
    linux.make(_binding(zygotes_filter(linux.architecture())), "seccomp")


def _binding(program: bytes) -> linux.Call:
    structure = _Program(len(program) // 8, program)
    return linux.prepared_prctl(linux.PR_SET_SECCOMP, 2, ctypes.byref(structure))
