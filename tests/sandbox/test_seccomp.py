"""The filter, run by an interpreter of classic BPF, for both architectures."""

from __future__ import annotations

import errno
import os
import re
import struct
from pathlib import Path

import pytest

from lopa_bench.sandbox import seccomp

ALLOW, KILL = 0x7FFF0000, 0x80000000
REFUSE, ABSENT = 0x00050000 | errno.EPERM, 0x00050000 | errno.ENOSYS
PRETEND, UNSUPPORTED = 0x00050000, 0x00050000 | errno.EOPNOTSUPP
PID = 4711


def evaluate(program: bytes, architecture: int, number: int, arguments: tuple[int, ...] = ()) -> int:
    data = struct.pack("=IIQ6Q", number, architecture, 0, *(*arguments, *[0] * 6)[:6])
    accumulator = at = 0
    while True:
        code, if_true, if_false, operand = struct.unpack_from("=HBBI", program, 8 * at)
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, operand)
        elif code == 0x54:
            accumulator &= operand
        elif code == 0x15:
            at += if_true if accumulator == operand else if_false
        elif code == 0x35:
            at += if_true if accumulator >= operand else if_false
        else:
            assert code == 0x06
            return operand


class Filters:
    """What a program is bound to: the zygote's filter and then its own."""

    def __init__(self, architecture: str) -> None:
        self.audit = seccomp.ARCHITECTURES[architecture]
        self.installed = [seccomp.zygotes_filter(architecture), seccomp.programs_filter(architecture, PID)]

    def evaluate(self, number: int, arguments: tuple[int, ...] = (), audit: int | None = None) -> int:
        """As the kernel does: the filter added last first, and then only what is stricter."""
        answers = [evaluate(program, audit or self.audit, number, arguments) for program in self.installed[::-1]]
        strictness = [KILL, 0x00050000, ALLOW]
        return min(answers, key=lambda answer: strictness.index(answer & 0xFFFF0000))


@pytest.fixture(params=["x86_64", "aarch64"])
def calls(request):
    """Name of a call and its arguments to what the filters say."""
    filters = Filters(request.param)
    column = list(seccomp.ARCHITECTURES).index(request.param)
    numbers = {
        "clone": (56, 220), "kill": (62, 129), "tgkill": (234, 131), "prlimit64": (302, 261),
        "prctl": (157, 167), "ioctl": (16, 29), "fcntl": (72, 25), "openat": (257, 56),
        "socketpair": (53, 199), "flock": (73, 32), "sendto": (44, 206), "socket": (41, 198), "execve": (59, 221),
        "execveat": (322, 281), "fork": (57, 1000), "clone3": (435, 435), "ptrace": (101, 117), "mount": (165, 40),
        "unshare": (272, 97), "setns": (308, 268), "bpf": (321, 280), "io_uring_setup": (425, 425),
        "userfaultfd": (323, 282), "process_vm_readv": (310, 270), "pidfd_open": (434, 434),
        "pidfd_send_signal": (424, 424), "setrlimit": (160, 164), "fchmodat": (268, 53),
        "shmget": (29, 194), "memfd_create": (319, 279), "keyctl": (250, 219),
        "connect": (42, 203), "bind": (49, 200), "sendmsg": (46, 211), "truncate": (76, 45),
        "openat2": (437, 437), "utimensat": (280, 88), "setsid": (112, 157), "setuid": (105, 146),
        "tkill": (200, 130), "wait4": (61, 260), "umount2": (166, 39), "capset": (126, 91),
        "landlock_create_ruleset": (444, 444), "seccomp": (317, 277),
        "landlock_add_rule": (445, 445), "landlock_restrict_self": (446, 446),
    }  # fmt: skip
    return lambda name, *arguments: filters.evaluate(numbers[name][column], arguments)


def test_what_a_program_may_not_do_does_not_exist(calls):
    for name in (
        "socket", "fork", "execve", "execveat", "clone3", "ptrace", "mount", "unshare", "setns", "bpf",
        "io_uring_setup", "userfaultfd", "process_vm_readv", "pidfd_open", "pidfd_send_signal",
        "setrlimit", "fchmodat", "shmget", "memfd_create", "keyctl", "openat2", "connect", "bind",
        "sendmsg", "truncate", "utimensat", "setsid", "setuid", "tkill", "wait4", "umount2", "capset",
        "landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self", "seccomp",
    ):  # fmt: skip
        assert calls(name) == ABSENT, name


def test_conditions(calls):
    thread = 0x3D0F00
    assert calls("clone", thread) == ALLOW
    assert calls("clone", 17) == REFUSE  # fork
    assert calls("clone", thread | 0x10000000) == REFUSE  # with a user namespace
    assert calls("kill", PID, 9) == ALLOW
    for other in (1, 0, 2**64 - 1):
        assert calls("kill", other, 9) == REFUSE
        assert calls("tgkill", other, other, 9) == REFUSE
    assert calls("prlimit64", 0, 9, 0) == ALLOW
    assert calls("prlimit64", 0, 9, 1 << 40) == REFUSE
    assert calls("prlimit64", 0, 3, 0) == ALLOW
    assert calls("prlimit64", 0, 3, 1 << 40) == PRETEND  # of the stack
    assert calls("prctl", 1, 0) == REFUSE
    assert calls("ioctl", 0, 0x5401) == ALLOW
    assert calls("ioctl", 0, 0x5412) == REFUSE  # TIOCSTI
    assert calls("fcntl", 0, 8) == REFUSE  # F_SETOWN
    assert calls("fcntl", 0, 1030) == ALLOW
    for lock in (6, 7, 37, 38):
        assert calls("fcntl", 0, lock) == PRETEND
    assert calls("flock", 3, 2) == PRETEND
    assert calls("socketpair", 1, 0x80001) == ALLOW
    assert calls("socketpair", 1, 2) == REFUSE  # datagrams can be addressed
    assert calls("socketpair", 16, 1) == REFUSE
    assert calls("sendto", 3, 0, 0, 0, 0) == ALLOW
    assert calls("sendto", 3, 0, 0, 0, 1 << 33) == REFUSE


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_only_a_scratch_directory_brings_modes_times_and_links(architecture):
    column = list(seccomp.ARCHITECTURES).index(architecture)
    audit = seccomp.ARCHITECTURES[architecture]
    without, with_scratch = (
        seccomp.zygotes_filter(architecture),
        seccomp.zygotes_filter(architecture, with_scratch=True),
    )
    tables = ((seccomp._WITH_SCRATCH, ALLOW), (seccomp._UNSUPPORTED_THERE, UNSUPPORTED))
    more = {numbers[column]: answer for table, answer in tables for numbers in table.values() if numbers[column]}
    for number in range(1000):
        expected = more.get(number, evaluate(without, audit, number))
        assert evaluate(with_scratch, audit, number) == expected
        assert number not in more or evaluate(without, audit, number) == ABSENT


def test_no_truncation_without_writing(calls):
    for flags in (os.O_RDONLY, os.O_WRONLY | os.O_TRUNC, os.O_RDWR | os.O_TRUNC | os.O_CREAT):
        assert calls("openat", 0, 0, flags) == ALLOW
    assert calls("openat", 0, 0, os.O_RDONLY | os.O_TRUNC) == REFUSE
    assert calls("openat", 0, 0, os.O_ACCMODE | os.O_TRUNC) == REFUSE


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_every_other_number_is_absent_and_every_other_abi_is_killed(architecture):
    filters = Filters(architecture)
    allowed = {n for n in range(1000) if filters.evaluate(n) != ABSENT}
    assert 90 < len(allowed) < 130
    assert filters.evaluate(0x40000000) == ABSENT  # x32
    assert filters.evaluate(2**32 - 1) == ABSENT
    for other in (0x40000003, 0xC000003E, 0xC00000B7):
        if other != filters.audit:
            assert filters.evaluate(0, audit=other) == KILL


@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
def test_a_zygote_may_do_little_more_than_a_program(architecture):
    filters = Filters(architecture)
    zygotes, _ = filters.installed
    anything = (1 << 63,) * 6
    more = {
        number
        for number in range(1000)
        if evaluate(zygotes, filters.audit, number, anything) == ALLOW and filters.evaluate(number, anything) != ALLOW
    }
    column = list(seccomp.ARCHITECTURES).index(architecture)
    in_part = {numbers[column] for numbers in seccomp._programs_conditions(PID)}
    assert more == {numbers[column] for numbers in seccomp._ZYGOTES.values()} - {None} | in_part


@pytest.mark.parametrize(
    ("column", "header"),
    [
        (0, "x86_64-linux-gnu/asm/unistd_64.h"),
        (1, "asm-generic/unistd.h"),
    ],
)
def test_numbers_are_the_kernels(column, header):
    path = Path("/usr/include") / header
    if not path.exists():
        pytest.skip(f"no {path}")
    pattern = r"#define __NR(?:3264)?_(\w+)\s+(\d+)"
    known = {name: int(n) for name, n in re.findall(pattern, path.read_text())}
    known.setdefault("newfstatat", known.get("fstatat"))
    for name, numbers in (
        seccomp._ALLOWED | seccomp._ZYGOTES | seccomp._WITH_SCRATCH | seccomp._UNSUPPORTED_THERE
    ).items():
        if numbers[column] is not None:
            assert known[name] == numbers[column], name
