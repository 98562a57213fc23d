"""Time limits: seconds of CPU, however busy the machine is, and an end on the wall."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from lopa_bench.sandbox import Program, Reason, clock, run_programs

TEST = ("assert f(1) == 1",)
SPIN = """
import time
def f(x):
    end = time.process_time() + SECONDS
    while time.process_time() < end:
        pass
    return x
"""


class Machine:
    """Stands in for ``time``: a program gets ``share`` of the CPU from ``start`` to ``end``."""

    def __init__(self, share: float, start: float = 0.0, end: float = 1e9) -> None:
        self.now, self._share, self._start, self._end = 0.0, share, start, end

    def monotonic(self) -> float:
        return self.now

    def clock_gettime(self, _: int) -> float:
        return self._share * max(0.0, min(self.now, self._end) - self._start)


@pytest.mark.parametrize(
    ("machine", "ends"),
    [
        (Machine(1.0), 3.0),  # computes all the time
        (Machine(0.0), 3.0),  # sleeps
        (Machine(0.05), 3.0),  # wakes now and then
        (Machine(0.9), 3.333),  # to its three seconds of CPU
        (Machine(0.3), 3 + clock.GRACE_S),  # starved: the wall is behind it
        (Machine(1.0, end=2.0), 3.0),  # fell asleep
        (Machine(1.0, end=3.1), 3.0),
        (Machine(1.0, start=2.0), 3 + clock.GRACE_S),  # awoke
        (Machine(0.8, end=3.1), 3.5),  # fell asleep in its grace
    ],
)
def test_when_the_time_is_over(monkeypatch, machine, ends):
    monkeypatch.setattr(clock, "time", machine)
    monkeypatch.setattr(clock.Clock, "_hurry", lambda self: None)
    running = clock.Clock(1, 3.0)
    while (left := running.left()) > 0:
        machine.now += left
    assert machine.now == pytest.approx(ends, abs=0.011)
    assert running.elapsed() == machine.now


@pytest.fixture
def busy():
    """Two other processes on every core."""
    cores = len(os.sched_getaffinity(0))
    hogs = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * cores)]
    yield
    for hog in hogs:
        hog.kill()
        hog.wait()


@pytest.mark.slow  # it takes all cores from the other tests
def test_on_a_busy_machine_honest_programs_pass_and_all_end_in_time(busy):
    """Wall-clock time alone would end the honest ones, which get a part of a core.

    A machine that is itself held up for seconds by others can starve them once; not three times in a row.
    """
    limit = 1.0
    honest = [Program("honest", SPIN.replace("SECONDS", "0.4"), TEST) for _ in range(2)]
    others = [Program("loops", "while True: pass", TEST), Program("sleeps", "import time\ntime.sleep(99)", TEST)]
    for _ in range(3):
        started = time.monotonic()
        verdicts = list(run_programs([*honest, *others], timeout_s=limit, workers=2))
        assert [v.reason for v in verdicts[2:]] == [Reason.TIMEOUT] * 2
        assert all(v.wall_seconds < limit + 2 for v in verdicts)
        assert (
            time.monotonic() - started < 4 * (limit + 2) + 5
        )  # two at a time, each twice; the zygotes have to start, too
        if all(v.passed for v in verdicts[:2]):
            return
        assert all(v.passed or v.reason is Reason.TIMEOUT for v in verdicts[:2]), verdicts
    pytest.fail("honest programs were timed out three times in a row")


def test_more_workers_than_cores_time_nobody_out():
    """Eight programs of 0.3 s at a time share the cores; each alone is well within its second."""
    if os.getloadavg()[0] > len(os.sched_getaffinity(0)):
        pytest.skip("the machine is busy with other work")
    programs = [Program(i, SPIN.replace("SECONDS", "0.3"), TEST) for i in range(8)]
    assert all(v.passed for v in run_programs(programs, workers=8, timeout_s=1))


def test_a_program_without_the_cpu_is_told_apart():
    """A verdict that other work may have decided says so: half a second for each of six on a core is more than limit and grace."""
    programs = [Program(i, SPIN.replace("SECONDS", "30"), TEST) for i in range(6 * len(os.sched_getaffinity(0)))]
    verdicts = list(run_programs(programs, workers=len(programs), timeout_s=0.5))
    assert {v.reason for v in verdicts} == {Reason.TIMEOUT}
    assert any(v.detail == "the CPU was busy with other work" for v in verdicts)
    assert all(v.wall_seconds < 0.5 + 2 for v in verdicts)
