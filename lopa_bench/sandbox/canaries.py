"""One canary per mechanism: a process with that mechanism alone tries what it must prevent.

Run by a zygote at the start of a run. A mechanism that is there but does not hold counts as absent.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from . import bpf, landlock, limits, linux, namespaces, seccomp
from .child import Lock


def run(fork: Callable[[], int], lock: Lock) -> dict[str, str]:
    """Mechanism to "" where it held, else to what went through."""
    checks = {
        "namespaces": lambda: _namespaces(lock),
        "landlock": lambda: _landlock(lock),
        "seccomp": _seccomp,
        "limits": _limits,
    }
    return {name: _in_a_process(fork, check) for name, check in checks.items()}


def _in_a_process(fork: Callable[[], int], check: Callable[[], str]) -> str:
    read_end, write_end = os.pipe()
    pid = fork()
    if pid == 0:
        try:
            os.setsid()
            os.write(write_end, b"!" + check().encode())
        except BaseException as error:
            os.write(write_end, f"!{error}".encode())
        finally:
            os._exit(0)
    os.close(write_end)
    with open(read_end, "rb") as pipe:
        answer = pipe.read().decode()
    os.waitpid(pid, 0)
    return answer[1:] if answer.startswith("!") else "its canary died"


def _namespaces(lock: Lock) -> str:
    import socket  # in no zygote but one with canaries: the fewer modules, the faster a fork

    if any(name != "lo" for _, name in socket.if_nameindex()):
        return "the network is in sight"
    expected = {path.split("/")[1] for path in lock.view.paths} | {"tmp", "dev", "proc", namespaces.ASIDE[1:]}
    if not expected.issuperset(os.listdir("/")):
        return "the host's directories are in sight"
    if any(os.access(path, os.W_OK) for path in ("/", *lock.view.paths)):
        return "the root directory can be written"
    if any(os.listdir(path) if os.path.isdir(path) else os.path.getsize(path) for path in lock.view.hidden):
        return "this package can be read"
    return ""


def _landlock(lock: Lock) -> str:
    if landlock.abi() == 0:
        return "not in this kernel, or switched off at boot"
    linux.make(landlock.prepared(landlock.ruleset(lock.view, None)), "landlock")
    try:
        os.listdir("/")
    except PermissionError:
        return ""
    return "a directory off the list could be read"


def _seccomp() -> str:
    if linux.architecture() not in bpf.ARCHITECTURES:
        return f"no filter for {linux.architecture()}"
    import socket

    attempts: dict[str, Callable[[], object]] = {"socket": socket.socket, "fork": os.fork}
    seccomp.bind_zygote(with_scratch=False)
    pid = os.fork()  # as a zygote must still be able to
    if pid == 0:
        linux.make(seccomp.prepared(os.getpid()), "seccomp")
        os._exit(_first_to_succeed(list(attempts.values())))
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    return f"{list(attempts)[code - 1]} went through" if code else ""


def _first_to_succeed(attempts: list[Callable[[], object]]) -> int:
    """Its number, from 1; 0 when all are refused."""
    for number, attempt in enumerate(attempts, start=1):
        try:
            attempt()
        except OSError:
            continue
        return number
    return 0


def _limits() -> str:
    try:
        bytearray(2 * limits.MEMORY)
    except MemoryError:
        return ""
    return "twice the memory could be had"
