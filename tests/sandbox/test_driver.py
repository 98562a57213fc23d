"""What the driver promises whatever happens to its zygotes, its consumer or itself."""

from __future__ import annotations

import itertools
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from test_attacks import sandbox_processes

from lopa_bench.sandbox import (
    Program,
    Reason,
    SandboxUnavailable,
    SelfTest,
    child,
    cruxeval_input,
    levels,
    limits,
    require,
    run_programs,
    wire,
)
from lopa_bench.sandbox.worker import Containment, Worker

GOOD = Program("good", "def f(x): return x", ("assert f(3) == 3",))


def wait_for(condition, seconds: float) -> bool:
    """Whether ``condition`` was seen to hold; it may hold for a moment only."""
    end = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < end:
        time.sleep(0.02)
    return held


@pytest.mark.parametrize("code", ["while True: pass", "import time\ntime.sleep(1000)"])
def test_killing_the_driver_leaves_nothing(tmp_path, code):
    records = [
        {"id": 1, "code": GOOD.code, "tests": ["assert f(3) == 3"]},
        {"id": 2, "code": code, "tests": ["assert f(1) == 1"]},
    ]
    lines = tmp_path / "programs.jsonl"
    lines.write_text("\n".join(map(json.dumps, records)))
    command = [sys.executable, "-m", "lopa_bench.sandbox", str(lines), "--timeout", "300", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as driver:
        first = json.loads(driver.stdout.readline())  # the self-test is over, the second program begins
        time.sleep(0.5)
        left = sandbox_processes(driver.pid)
        driver.send_signal(signal.SIGKILL)
    assert first["passed"]
    assert len(left) >= 2  # the zygote and its program
    assert wait_for(lambda: not sandbox_processes(driver.pid), 10)


def test_leaving_the_iterator_ends_everything():
    verdicts = run_programs(itertools.repeat(GOOD), workers=2)
    assert [next(verdicts).passed for _ in range(5)] == [True] * 5
    assert sandbox_processes()
    verdicts.close()
    assert not sandbox_processes()


def test_a_lazy_source_is_read_as_workers_become_free():
    read = []
    programs = (read.append(i) or GOOD for i in itertools.count())
    verdicts = run_programs(programs, workers=2)
    next(verdicts)
    assert len(read) < 50
    verdicts.close()


def test_a_consumer_may_take_its_time():
    verdicts = run_programs([GOOD] * 6, workers=2, timeout_s=0.5)
    for _ in range(2):
        assert next(verdicts).passed
        time.sleep(1.2)
    assert all(verdict.passed for verdict in verdicts)


def test_messages_that_lie_there_together_come_one_by_one():
    """A zygote's "ready" and its first outcome, when the driver was slow to look."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for parts in ((b"",), (b"outcome", b"reply"), (b"x" * 100_000,)):
            wire.send(theirs.fileno(), *parts)
        theirs.send(b"\0\0\0\x09cut")  # three bytes of nine
        theirs.close()
        received = [wire.receive(ours.fileno()) for _ in range(5)]
    assert received == [b"", b"outcomereply", b"x" * 100_000, None, None]


class DyingWorker(Worker):
    """Loses its zygote under the first ``deaths`` programs."""

    deaths = 0

    def start(self, program, timeout_s):
        super().start(program, timeout_s)
        if DyingWorker.deaths:
            DyingWorker.deaths -= 1
            os.kill(self._process.pid, signal.SIGKILL)


@pytest.mark.parametrize(("deaths", "reason"), [(1, Reason.PASSED), (3, Reason.HARNESS_ERROR)])
def test_a_dead_zygote_is_our_fault_and_retried(monkeypatch, deaths, reason):
    monkeypatch.setattr("lopa_bench.sandbox.driver.Worker", DyingWorker)
    DyingWorker.deaths = deaths
    slow = Program("slow", "import time\ntime.sleep(0.5)\ndef f(x): return x", ("assert f(1) == 1",))
    first, second = run_programs([slow, GOOD], workers=1, timeout_s=20)
    assert first.reason is reason
    assert second.passed
    assert not sandbox_processes()


class StalledWorker(Worker):
    """Ends its first ``stalls`` programs as a machine that stands still would: no CPU, all the time on the wall.

    With ``late`` they come to their own end, no sooner.
    """

    stalls = 0
    late = False
    reply = b'\0\0\0\x09["ready"]'

    def finish(self):
        outcome = super().finish()
        if outcome is None or not StalledWorker.stalls:
            return outcome
        StalledWorker.stalls -= 1
        stalled = replace(outcome, cpu_seconds=0.01, wall_seconds=outcome.timeout_s)
        return stalled if self.late else replace(stalled, end="timeout", reply=self.reply)


@pytest.mark.parametrize(("stalls", "reason"), [(1, Reason.PASSED), (2, Reason.TIMEOUT)])
def test_a_time_out_without_the_cpu_counts_the_second_time(monkeypatch, stalls, reason):
    monkeypatch.setattr("lopa_bench.sandbox.driver.Worker", StalledWorker)
    StalledWorker.stalls = stalls
    (verdict,) = run_programs([GOOD], workers=1, timeout_s=20)
    assert verdict.reason is reason


def test_a_program_that_could_never_start_has_not_failed(monkeypatch):
    monkeypatch.setattr("lopa_bench.sandbox.driver.Worker", StalledWorker)
    monkeypatch.setattr(StalledWorker, "stalls", 3)
    monkeypatch.setattr(StalledWorker, "reply", b"")
    (verdict,) = run_programs([GOOD], workers=1, timeout_s=20)
    assert verdict.reason is Reason.HARNESS_ERROR
    assert verdict.detail == "it could not start within timeout_s=20; give more, or fewer workers"


def test_time_that_arguments_have_used_up_is_the_programs(monkeypatch):
    """What is left for the call of `f` is too little to start in."""

    class Slow(Worker):
        def finish(self):
            outcome = super().finish()
            if outcome is None or outcome.timeout_s < 20:
                return outcome and replace(outcome, end="timeout", reply=b"", cpu_seconds=0.0)
            return replace(outcome, cpu_seconds=19.9999)

    monkeypatch.setattr("lopa_bench.sandbox.driver.Worker", Slow)
    (verdict,) = run_programs([cruxeval_input("late", "def f(x): return x", "2", "f(2)")], workers=1, timeout_s=20)
    assert verdict.reason is Reason.TIMEOUT


def test_what_a_program_takes_away_is_not_missed_by_those_after_it(levels):
    """A zygote died of `os.rmdir`, and three of them took an honest program for our fault."""
    rude = (
        'import os\nfor change in (os.rmdir, os.unlink):\n    try: change("/tmp/program")\n    except OSError: pass\n'
    )
    moves = 'import os\ntry: os.rename("/tmp/program", "/tmp/other")\nexcept OSError: pass\n'
    closes = 'import os\ntry: os.chmod("/tmp", 0); os.chmod("/", 0)\nexcept OSError: pass\n'
    programs = [replace(GOOD, id=n, code=("", rude, moves, closes)[n % 4] + GOOD.code) for n in range(40)]
    for level in levels or [None]:
        verdicts = list(run_programs(programs, workers=4, level=level))
        assert {verdict.reason for verdict in verdicts} == {Reason.PASSED}, level


def test_a_program_whose_zygote_died_has_one_of_its_own(monkeypatch):
    """Whatever those before it did to theirs."""
    served = {}

    class Poisoned(Worker):
        def start(self, program, timeout_s):
            super().start(program, timeout_s)
            served[self] = served.get(self, 0) + 1
            if served[self] > 1:
                os.kill(self._process.pid, signal.SIGKILL)

    monkeypatch.setattr("lopa_bench.sandbox.driver.Worker", Poisoned)
    assert all(verdict.passed for verdict in run_programs([GOOD] * 12, workers=4, timeout_s=20))
    assert not sandbox_processes()


def test_more_workers_than_files_may_be_open_are_refused(monkeypatch):
    known = resource.getrlimit
    monkeypatch.setattr(
        resource, "getrlimit", lambda kind: (40, 4096) if kind == resource.RLIMIT_NOFILE else known(kind)
    )
    with pytest.raises(
        ValueError, match=r"^workers=30 take \d+ open files, and 40 are allowed: ulimit -n \d+, or fewer"
    ):
        run_programs([GOOD], workers=30)


def test_an_input_has_the_cpu_seconds_that_its_arguments_have_left(monkeypatch):
    """However late they came on the wall."""
    given = []
    monkeypatch.setattr("lopa_bench.sandbox.driver.Worker", StalledWorker)
    monkeypatch.setattr(StalledWorker, "late", True)
    monkeypatch.setattr(StalledWorker, "stalls", 1)
    monkeypatch.setattr(StalledWorker, "start", lambda self, *job: (given.append(job[1]), Worker.start(self, *job))[1])
    (verdict,) = run_programs([cruxeval_input("late", "def f(x): return x + 1", "2", "f(1)")], workers=1, timeout_s=20)
    assert verdict.passed, verdict
    assert given == [20, 19.99]


def test_a_program_that_computes_to_its_limit_is_not_run_again(monkeypatch):
    started = []
    monkeypatch.setattr(
        Worker, "start", lambda self, *job, start=Worker.start: (started.append(1), start(self, *job))[1]
    )
    (verdict,) = run_programs([Program("loops", "while True: pass", GOOD.tests)], workers=1, timeout_s=0.5)
    assert verdict.reason is Reason.TIMEOUT
    assert len(started) == 1


@pytest.mark.parametrize("failing", ["nothing", "a call", "a call that raises", "seccomp", "the CPU limit"])
def test_a_lock_that_fails_is_never_passed_over(monkeypatch, failing):
    """In the process of the program itself: if anything is refused, the program must not start."""

    def holds(*_) -> int:
        return 0

    def fails(*_) -> int:
        return -1

    def raises(*_) -> int:
        raise OSError("refused")

    read_end, write_end = os.pipe()
    calls = (holds, {"a call": fails, "a call that raises": raises}.get(failing, holds), holds)
    lock = child.Lock((), None, calls, bind_to_pid=True)
    monkeypatch.setattr(child.seccomp, "prepared", lambda pid: fails if failing == "seccomp" else holds)
    monkeypatch.setattr(child.limits, "apply_cpu", raises if failing == "the CPU limit" else holds)
    text = wire.shared_file()
    size = wire.write_file(text, {"code": "", "steps": []})
    pid = os.fork()
    if pid == 0:
        child.run(text, size, (9, 9), write_end, lock)
    os.close(text)
    os.close(write_end)
    with open(read_end, "rb") as pipe:
        reply = pipe.read()
    exit_code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if failing == "nothing":
        assert exit_code == 0
        assert b'["ready"]' in reply
    else:
        assert exit_code == 1
        assert reply == b""


def test_what_one_program_answered_is_out_of_reach_of_the_next():
    """Both come from one zygote; the second looks at all that the frames it was forked from hold."""
    answers = Program("answers", "def f(x): return ''.join(['earlier', 'answer'])", ("assert f(1) == 'earlieranswer'",))
    code = """
import sys
def f(x):
    held, frame = [], sys._getframe()
    while frame:
        held += frame.f_locals.values()
        held += getattr(frame.f_locals.get('self'), '__dict__', {}).values()
        frame = frame.f_back
    for value in held:
        if type(value).__name__ in ('bytes', 'bytearray', 'memoryview', 'mmap') and b'earlier' in bytes(value):
            return 'seen'
"""
    first, second = run_programs([answers, Program("looks", code, ("assert f(1) == 'seen'",))], workers=1)
    assert first.passed
    assert not second.passed


def test_no_file_of_a_driver_with_hundreds_of_them_is_open_in_a_program():
    code = """
import os
def f(first):
    found = []
    for number in range(first, 2000):
        try:
            os.fstat(number)
            found.append(number)
        except OSError:
            pass
    return found
"""
    many = [os.open(os.devnull, os.O_RDONLY) for _ in range(400)]
    try:
        (verdict,) = run_programs([Program("files", code, ("assert f(4) == []",))], workers=1)
    finally:
        for descriptor in many:
            os.close(descriptor)
    assert verdict.passed, verdict.detail


def test_the_level_is_named_and_can_be_lowered():
    assert require().level in "ABC"
    for level in levels.DESCRIPTIONS:
        if level >= require().level and level != "D":
            assert next(run_programs([GOOD], level=level)).level == level


def test_below_the_floor_nothing_runs(monkeypatch):
    broken = SelfTest("D", Containment("none", False, False), {"seccomp": "fork went through"})
    monkeypatch.setattr(levels, "self_test", lambda: broken)
    with pytest.raises(SandboxUnavailable, match=r"fork went through.*allow_unsafe=true"):
        run_programs(iter([]))
    assert next(run_programs([GOOD], allow_unsafe=True)).level == "D"


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_other_systems_are_refused_with_the_way_out(monkeypatch, system):
    monkeypatch.setattr(sys, "platform", system)
    with pytest.raises(SandboxUnavailable, match=f"{system}.*container"):
        require()


@pytest.mark.parametrize("name", [*limits._PROMISED, "RLIMIT_CPU"])
def test_a_hard_limit_of_the_host_is_never_counted_against_a_program(monkeypatch, name):
    def given(kind):
        return (-1, 6) if kind == getattr(resource, name) else (-1, resource.RLIM_INFINITY)

    monkeypatch.setattr(resource, "getrlimit", given)
    with pytest.raises((SandboxUnavailable, ValueError), match=rf"^[^\n]*{name} is 6 here and must be \d+: .*ulimit -"):
        run_programs([], timeout_s=3)


def test_nothing_of_the_project_is_imported():
    code = "import sys, lopa_bench.sandbox as s; print(*sys.modules)"
    modules = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    ours = {name for name in modules if name.split(".")[0] == "lopa_bench"}
    assert ours
    assert all(n == "lopa_bench" or n.startswith("lopa_bench.sandbox") for n in ours)
    assert not {"torch", "numpy"} & set(modules)


def test_empty_input():
    assert list(run_programs([])) == []


@pytest.mark.parametrize(
    "timeout_s", [0, 1e-300, 0.09, -1, float("nan"), float("inf"), 1e400, 10**19, -(10**19), 86_401, "3", None, True]
)
def test_an_absurd_time_limit_is_refused_in_one_line(timeout_s):
    with pytest.raises(ValueError, match=r"^timeout_s must be .*, not [^\n]*$"):
        run_programs([], timeout_s=timeout_s)


@pytest.mark.parametrize("workers", [0, -1, 10**19, 1.5, "2", True])
def test_so_is_an_absurd_number_of_workers(workers):
    with pytest.raises(ValueError, match=r"^workers must be .*, not [^\n]*$"):
        run_programs([], workers=workers)


@pytest.mark.parametrize("timeout_s", [0.1, 86_400])
def test_a_time_limit_at_the_edge_gives_verdicts(timeout_s):
    assert all(v.passed for v in run_programs([GOOD] * 2, timeout_s=timeout_s, workers=1))


def test_at_level_d_a_program_that_ends_its_zygote_is_judged():
    killer = Program("killer", "import os\nos.kill(os.getppid(), 9)", ("assert f(1) == 1",))
    first, second = run_programs([killer, GOOD], workers=1, timeout_s=5, level="D", allow_unsafe=True)
    assert first.reason is Reason.EXIT
    assert second.passed


def test_a_zygote_that_raves_is_not_believed():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"\xff\xff\xff\xffnonsense")
        assert wire.receive(ours.fileno(), at_most=100) is None
