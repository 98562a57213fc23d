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
import os

from . import linux
from .bpf import (
    ABSENT,
    ALLOW,
    ARCHITECTURES,
    PRETEND,
    UNSUPPORTED,
    Conditions,
    Is,
    answered,
    any_of,
    assemble,
    conditional,
)

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
    "ftruncate": (77, 46), "fsync": (74, 82), "fdatasync": (75, 83),
    "umask": (95, 166),
    # memory
    "mmap": (9, 222), "msync": (26, 227), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216),
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


# Locks succeed and do nothing: a program is alone with all that it can write, and a lock on a file
# that others can open too would be a signal to them.
_FLOCK = (73, 32)
_FCNTL_LOCKS: Conditions = {(72, 25): any_of(1, 6, 7, 37, 38)}  # F_SETLK, F_SETLKW, and F_OFD_…
# Setting the stack's limit, as programs do before they recurse deeply, succeeds and does nothing: the
# limit is as large as it may be.
_STACK_LIMIT: Conditions = {(302, 261): any_of(1, 3)}  # prlimit64 of RLIMIT_STACK
# Where the mounts leave nothing to write but a scratch directory, also what would, elsewhere, get
# past Landlock. shutil, zipfile and the C library's semaphores need it.
_WITH_SCRATCH: dict[str, tuple[int, int | None]] = {
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "utimensat": (280, 88),
    "link": (86, None), "linkat": (265, 37), "truncate": (76, 45),
}  # fmt: skip
# With it, shutil asks for these too, and takes no other error for an answer.
_UNSUPPORTED_THERE: dict[str, tuple[int, int | None]] = {
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "getxattr": (191, 8),
    "lgetxattr": (192, 9), "fgetxattr": (193, 10), "listxattr": (194, 11), "llistxattr": (195, 12),
    "flistxattr": (196, 13),
}  # fmt: skip


# What a zygote, and the process of a program before it starts, do besides.
_ZYGOTES: dict[str, tuple[int, int | None]] = {
    "fork": (57, None),  # musl's; glibc's is a clone
    "wait4": (61, 260), "pidfd_open": (434, 434), "unshare": (272, 97), "setns": (308, 268),
    "mount": (165, 40), "umount2": (166, 39), "setpriority": (141, 140), "setsid": (112, 157), "capset": (126, 91),
    "landlock_create_ruleset": (444, 444),
    "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
}  # fmt: skip


def _everyones_conditions() -> Conditions:
    truncate, access_mode = os.O_TRUNC, os.O_ACCMODE
    return {
        # ioctl: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. Not TIOCSTI, FIOSETOWN.
        (16, 29): any_of(1, 0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451),
        # fcntl: duplicates, flags, asking for locks. Not F_SETOWN and F_SETSIG, which send signals.
        (72, 25): any_of(1, 0, 1, 2, 3, 4, 5, 1030),
        # openat: O_TRUNC without a writing mode would pass Landlock before its version 3
        (257, 56): [
            [Is(4, 0, truncate)],
            [Is(4, truncate | os.O_WRONLY, truncate | access_mode)],
            [Is(4, truncate | os.O_RDWR, truncate | access_mode)],
        ],
        # socketpair(AF_UNIX, SOCK_STREAM), which asyncio's loop wakes itself with, and sending on
        # it without an address
        (53, 199): [[Is(0, 1), Is(2, 1, 0xF)]],
        (44, 206): [[Is(8, 0), Is(9, 0)]],
    }


def _programs_conditions(own_pid: int) -> Conditions:
    thread, new_namespaces, vfork_ptrace = 0x00010000, 0x7E020000, 0x00006000
    return {
        # clone: threads only. (clone3 hides its flags behind a pointer, so it does not exist here;
        # the C library then falls back to clone.)
        (56, 220): [[Is(0, thread, thread | new_namespaces | vfork_ptrace)]],
        # kill, tgkill: only itself
        (62, 129): any_of(0, own_pid),
        (234, 131): any_of(0, own_pid),
        # prlimit64: reading a limit (new_limit is NULL), never setting one (_STACK_LIMIT)
        (302, 261): [[Is(4, 0), Is(5, 0)]],
        # prctl: naming a thread
        (157, 167): any_of(0, 15, 16),
    }


def zygotes_filter(architecture: str, *, with_scratch: bool = False) -> bytes:
    """BPF instructions that allow what is listed, to a zygote and all it forks.

    ``with_scratch``: nothing but a scratch directory is mounted to be written.

    Raises:
        KeyError: no table for that architecture.
    """
    column = list(ARCHITECTURES).index(architecture)
    bodies = answered([*_ALLOWED.values(), *_ZYGOTES.values(), *_programs_conditions(0)], column, ALLOW)
    if with_scratch:
        bodies |= answered(_WITH_SCRATCH.values(), column, ALLOW)
        bodies |= answered(_UNSUPPORTED_THERE.values(), column, UNSUPPORTED)
    bodies |= answered([_FLOCK], column, PRETEND) | conditional(_everyones_conditions(), _FCNTL_LOCKS, column)
    return assemble(architecture, bodies, otherwise=ABSENT)


def programs_filter(architecture: str, own_pid: int) -> bytes:
    """BPF instructions that take away what the zygote's filter allows a zygote, and no program."""
    column = list(ARCHITECTURES).index(architecture)
    bodies = answered(_ZYGOTES.values(), column, ABSENT)
    bodies |= conditional(_programs_conditions(own_pid), _STACK_LIMIT, column)
    return assemble(architecture, bodies, otherwise=ALLOW)


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def prepared(own_pid: int) -> linux.Call:
    """The call that binds a program's process to its filter; it must have ``no_new_privs``."""
    return _binding(programs_filter(linux.architecture(), own_pid))


def bind_zygote(*, with_scratch: bool) -> None:
    """Bind this process and all it forks to the zygote's filter; it must have ``no_new_privs``.

    Raises:
        OSError: the kernel refused; nothing may run then.
    """
    linux.make(_binding(zygotes_filter(linux.architecture(), with_scratch=with_scratch)), "seccomp")


def _binding(program: bytes) -> linux.Call:
    structure = _Program(len(program) // 8, program)
    return linux.prepared_prctl(linux.PR_SET_SECCOMP, 2, ctypes.byref(structure))
