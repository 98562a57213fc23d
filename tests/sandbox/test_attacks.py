"""The two promises: no attack passes, and after all of them the world is as it was."""

from __future__ import annotations

import os
import resource
import shutil
import socket
import threading
import time
from pathlib import Path

import pytest
from attacks import TESTS, TIME, Attack
from attacks_on_harness import TAMPERING
from attacks_on_host import ESCAPE, PARSER, RESOURCES
from attacks_on_verdict import LIES
from attacks_on_walls import CHANNEL, MARKS

from lopa_bench.sandbox import Program, Verdict, run_programs

QUICK = [*LIES, *TAMPERING, *ESCAPE, *PARSER, *MARKS]
SLOW = [*TIME, *CHANNEL]
ALL = [*SLOW, *LIES, *TAMPERING, *ESCAPE, *RESOURCES, *PARSER, *MARKS]
TIMEOUT_S = 1.0
SECRET = "LOPA_TEST_SECRET"
HONEST = Program("honest", "def f(x): return x", ("assert f(3) == 3",))


class World:
    """What attacks reach for, and how to see whether they got it."""

    def __init__(self, folder: Path) -> None:
        self.outside = folder / "outside"
        self.outside.mkdir(mode=0o777)
        (self.outside / "treasure").write_text("8443")
        os.chmod(self.outside / "treasure", 0o666)
        self.server = socket.create_server(("127.0.0.1", 0))
        self.datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.datagrams.bind(str(self.outside / "socket"))
        self.received: list[object] = []
        for receive in (self.server.accept, lambda: self.datagrams.recv(100)):
            threading.Thread(target=self._listen, args=(receive,), daemon=True).start()
        self.before = self._files()

    def _listen(self, receive) -> None:
        while True:
            try:
                self.received.append(receive())
            except OSError:
                return

    def _files(self) -> dict[str, tuple]:
        return {
            str(path): (path.stat().st_mode, path.stat().st_mtime, path.stat().st_size)
            for path in sorted(self.outside.rglob("*"))
        }

    def untouched(self) -> bool:
        same_text = (self.outside / "treasure").read_text() == "8443"
        return self._files() == self.before and same_text and not self.received

    def program(self, attack: Attack) -> Program:
        code = attack.code.replace("OUTSIDE", str(self.outside)).replace("SECRET", SECRET)
        code = code.replace("PORT", str(self.server.getsockname()[1]))
        return Program(attack.name, code, TESTS)


pytestmark = pytest.mark.xdist_group("attacks")  # one process runs them all, once


@pytest.fixture(scope="module")
def world(tmp_path_factory) -> World:
    # Somewhere a normal user can reach: what is protected must not be so by file modes.
    return World(tmp_path_factory.mktemp("world"))


def sandbox_processes(driver: int | None = None) -> list[str]:
    """Command lines of a driver's zygotes (this process's) and of everything they forked."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "sandbox.zygote" in command and f", {driver or os.getpid()}, " in command:
            found.append(command)
    return found


def peak_memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10


@pytest.fixture(scope="module")
def run(world: World):
    """Verdicts on all attacks at the strongest level, and what the machine showed around them."""
    os.environ[SECRET] = "k9-very-secret"
    list(run_programs([world.program(LIES[0])]))  # imports and first allocations
    memory, disk = peak_memory(), shutil.disk_usage("/").free
    started = time.monotonic()
    verdicts = []
    for attacks, timeout_s in ((SLOW, TIMEOUT_S), (ALL[len(SLOW) :], 5 * TIMEOUT_S)):
        programs = map(world.program, attacks)
        verdicts += run_programs(programs, timeout_s=timeout_s, workers=2)
    seconds = time.monotonic() - started
    grown, used = peak_memory() - memory, disk - shutil.disk_usage("/").free
    del os.environ[SECRET]
    return {verdict.id: verdict for verdict in verdicts}, seconds, grown, used, verdicts


def test_there_are_enough_attacks_and_none_gives_its_answer_away():
    assert len(ALL) >= 60
    assert len({attack.name for attack in ALL}) == len(ALL)
    assert not any("8443" in attack.code for attack in ALL)


@pytest.mark.parametrize("attack", ALL, ids=lambda attack: attack.name)
def test_no_attack_passes(run, attack):
    verdict: Verdict = run[0][attack.name]
    assert not verdict.passed
    assert verdict.reason.value in attack.reasons, (verdict.reason, verdict.detail)
    assert verdict.wall_seconds < (TIMEOUT_S if attack in SLOW else 5 * TIMEOUT_S) + 2


def test_verdicts_come_in_order(run):
    assert [verdict.id for verdict in run[4]] == [attack.name for attack in ALL]


def test_the_world_is_as_before(run, world):
    verdicts, _, grown, used, _ = run
    assert world.untouched(), world.received
    assert not sandbox_processes()
    assert "k9-very-secret" not in repr(verdicts)
    assert grown < 50 << 20
    assert used < 50 << 20 or os.environ.get("PYTEST_XDIST_WORKER")  # others write too


@pytest.mark.slow
def test_weaker_levels_hold_too(world, levels):
    """All but those that take their time, whose clock is the same at every level."""
    for level in levels[1:]:
        verdicts = run_programs(map(world.program, QUICK), timeout_s=5 * TIMEOUT_S, level=level)
        for attack, verdict in zip(QUICK, verdicts, strict=True):
            assert not verdict.passed, (level, attack.name)
            assert verdict.level == level
            assert verdict.reason.value != "harness_error", (level, attack.name, verdict.detail)
        assert world.untouched(), level
        assert not sandbox_processes()


def test_a_program_that_abuses_the_channel_gets_its_own_verdict(levels, world):
    """At every level, and the next one from the same zygote is judged as ever."""
    for level in levels:
        programs = [program for attack in CHANNEL for program in (world.program(attack), HONEST)]
        for verdict in run_programs(programs, timeout_s=0.5, workers=1, level=level):
            assert verdict.passed == (verdict.id == "honest"), (level, verdict)
            assert verdict.reason.value != "harness_error", (level, verdict)


LOCKS = """
import fcntl, os, time
def f(paths):
    seen = 0
    for path in paths:
        handle = os.open(path, os.O_RDONLY)
        for lock in (fcntl.flock, fcntl.lockf):
            try:
                lock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
                lock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                seen += 1
            except OSError:  # an exclusive lock without writing
                pass
    time.sleep(0.3)
    return seen
"""


def test_no_lock_is_seen_by_another_program(levels):
    call = f"f([{os.__file__!r}, {os.path.dirname(os.__file__)!r}, '/dev/null', '/dev/zero'])"
    for level in levels:
        programs = [Program(i, LOCKS, (f"assert {call} == 0",)) for i in range(4)]
        assert all(v.passed for v in run_programs(programs, workers=4, timeout_s=10, level=level)), level


def test_the_scratch_directory_does_not_tell_what_came_and_went(levels):
    """Not even through the times of the directory itself."""
    code = """
import os
def leave(x):
    open('x', 'w').close()
    os.remove('x')
    os.utime('.', (1, 1))
def look(x):
    made = os.stat('.')
    return os.listdir(), made.st_mtime > 10**9
"""
    programs = [
        Program(1, code, ("assert leave(1) == None",)),
        Program(2, code, ("assert look(1) == ([], True)",)),
    ]
    for level in set(levels) - {"B"}:
        verdicts = [*run_programs(programs, workers=1, timeout_s=10, level=level)]
        assert all(v.passed for v in verdicts), level


def test_nothing_depends_on_order_company_or_repetition(world):
    programs = [world.program(attack) for attack in QUICK if "timeout" not in attack.reasons][::3]
    programs.append(HONEST)
    first = {v.id: v.reason for v in run_programs(programs, workers=2)}
    assert first["honest"] == "passed"
    for workers, order in ((1, programs[::-1]), (4, programs[1::2] + programs[::2]), (2, programs)):
        assert {v.id: v.reason for v in run_programs(order, workers=workers)} == first
