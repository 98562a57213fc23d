"""Which containment this machine gives, found by trying: the self-test at the start of a run."""

from __future__ import annotations

import functools
import shutil
import sys
from dataclasses import dataclass

from . import limits
from .program import Level
from .worker import Containment, Wall, Worker, WorkerDied

DESCRIPTIONS: dict[Level, str] = {
    "A": "namespaces, Landlock, seccomp and resource limits",
    "B": "Landlock, seccomp and resource limits (no user namespaces, as in most containers)",
    "C": "namespaces, seccomp and resource limits (no Landlock)",
    "D": "resource limits only: a program can read and write what you can",
}
_WAY_OUT = (
    "run it in a Linux container or virtual machine (kernel 5.13 or later), install bubblewrap, or "
    "set sandbox.allow_unsafe=true if the programs may do on this machine whatever you may"
)


class SandboxUnavailable(RuntimeError):
    """Nothing may be run here. The message is one line with the reason and the way out."""


@dataclass(frozen=True)
class SelfTest:
    """The level found, how it is made, and what each canary said ("" where it was held)."""

    level: Level
    containment: Containment
    canaries: dict[str, str]


def require(level: Level | None = None, *, allow_unsafe: bool = False) -> SelfTest:
    """The strongest containment this machine has, or the weaker one asked for.

    Call it before spending anything on programs that could not be run in the end.

    Raises:
        SandboxUnavailable: not on Linux; below the floor (level D) without ``allow_unsafe``;
            ``level`` is more than there is; or the host's own limits leave a program too little.
    """
    if not sys.platform.startswith("linux"):
        raise SandboxUnavailable(f"programs cannot be contained on {sys.platform}: {_WAY_OUT}")
    if lack := limits.lacking():
        raise SandboxUnavailable(lack)
    found = self_test()
    if level is not None and level != found.level:
        found = _weaker(found, level)
    if found.level == "D" and not allow_unsafe:
        broken = ", ".join(f"{name}: {text}" for name, text in found.canaries.items() if text)
        raise SandboxUnavailable(f"containment is below the floor (level D; {broken}): {_WAY_OUT}")
    return found


@functools.cache
def self_test() -> SelfTest:
    """Try the walls from the strongest on and see which canaries are held. Once per process."""
    walls: list[Wall] = ["own", "none"]
    if shutil.which("bwrap"):
        walls.insert(1, "bubblewrap")
    attempts = [_attempt(wall) for wall in walls]
    return min(attempts, key=lambda attempt: attempt.level)  # the first of the best


def _attempt(wall: Wall) -> SelfTest:
    canaries = _canaries(Containment(wall, landlock=False, seccomp=False))
    held = {name for name, failure in canaries.items() if not failure}
    level = _level(held if wall != "none" else held - {"namespaces"})
    return SelfTest(level, _containment(level, wall), canaries)


def _level(held: set[str]) -> Level:
    if held >= {"namespaces", "landlock", "seccomp", "limits"}:
        return "A"
    if held >= {"landlock", "seccomp", "limits"}:
        return "B"
    if held >= {"namespaces", "seccomp", "limits"}:
        return "C"
    return "D"


def _containment(level: Level, wall: Wall) -> Containment:
    return Containment(wall if level in "AC" else "none", landlock=level in "AB", seccomp=level != "D")


def _canaries(containment: Containment) -> dict[str, str]:
    worker = Worker(containment)
    try:
        worker.wait_until_ready()
        return worker.canaries()
    except WorkerDied as error:
        return dict.fromkeys(("namespaces", "landlock", "seccomp", "limits"), str(error))
    finally:
        worker.close()


def _weaker(found: SelfTest, level: Level) -> SelfTest:
    """A level below the one found, for tests and comparisons: every mechanism it has was held."""
    if found.level != "A" and level != "D":
        raise SandboxUnavailable(f"this machine gives level {found.level}, not {level}")
    wall = found.containment.wall if level in "AC" else "none"
    return SelfTest(level, _containment(level, wall), found.canaries)
