"""Runs many programs on a few zygotes and yields their verdicts in order."""

from __future__ import annotations

import contextlib
import os
import re
import selectors
import time
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from . import limits
from .judge import Outcome, Ruling, answers, judge
from .levels import SelfTest, require
from .program import Level, Program, Reason, Verdict
from .worker import Worker, WorkerDied

_RETRIES = 2  # of a program whose zygote died under it


def run_programs(
    programs: Iterable[Program],
    *,
    timeout_s: float = 3.0,
    workers: int | None = None,
    level: Level | None = None,
    allow_unsafe: bool = False,
) -> Iterator[Verdict]:
    """Run untrusted programs, each in a process of its own, and judge them outside it.

    Args:
        timeout_s: CPU seconds for one program with all its tests, and wall-clock seconds for one
            that sleeps; a machine busy with other work gets ``clock.GRACE_S`` more. A time-out with
            fewer CPU seconds counts the second time only: the machine may have stood still.
        workers: programs at a time; by default one per core this process may use.
        level: a weaker containment than the machine gives; for tests.
        allow_unsafe: accept level D, which contains next to nothing.

    Returns:
        Verdicts in the order of ``programs``, which is read as workers become free.

    Raises:
        SandboxUnavailable: at once, before the first program is read.
        ValueError: at once, for a ``timeout_s`` or ``workers`` that makes no sense.
    """
    limits.check(timeout_s, workers)
    found = require(level, allow_unsafe=allow_unsafe)
    count = workers or len(os.sched_getaffinity(0))
    limits.check_open_files(count)
    return _Run(programs, timeout_s, count, found).verdicts()


@dataclass(frozen=True)
class _Job:
    """One process to run for a program: its own, or what comes before or after it.

    Attributes:
        program: whose verdict is wanted.
        running: what the process is given: the builders of its calls of ``f``, itself, or its
            official version once the verdict is clear.
        cpu_seconds, wall_seconds: used up by the processes before.
        repeated: ``running`` has timed out once with fewer CPU seconds than its limit.
    """

    index: int
    program: Program
    running: Program
    timeout_s: float
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    deaths: int = 0
    repeated: bool = False
    verdict: Verdict | None = None

    def after(self, outcome: Outcome, running: Program, verdict: Verdict | None = None) -> _Job:
        """The next process, with the CPU seconds that are left to it."""
        return replace(
            self,
            running=running,
            timeout_s=self.timeout_s - outcome.cpu_seconds,
            cpu_seconds=self.cpu_seconds + outcome.cpu_seconds,
            wall_seconds=self.wall_seconds + outcome.wall_seconds,
            repeated=False,
            verdict=verdict,
        )


class _Run:
    def __init__(self, programs: Iterable[Program], timeout_s: float, count: int, found: SelfTest):
        self._programs = enumerate(programs)
        self._timeout_s = timeout_s
        self._count = count
        self._found = found
        self._again: deque[_Job] = deque()  # to be run next
        self._verdicts: dict[int, Verdict] = {}
        self._idle: list[Worker] = []
        self._busy: dict[Worker, _Job] = {}
        self._selector = selectors.DefaultSelector()

    def verdicts(self) -> Iterator[Verdict]:
        due = 0
        try:
            while self._fill() or self._verdicts:
                if self._busy:
                    self._collect()
                while due in self._verdicts:
                    yield self._verdicts.pop(due)
                    due += 1
        finally:
            for worker in (*self._idle, *self._busy):
                worker.close()
            self._selector.close()

    def _fill(self) -> bool:
        """Give every free worker a job; False when there is nothing left to do."""
        while len(self._busy) < self._count and (job := self._next()) is not None:
            self._start(job)
        return bool(self._busy)

    def _next(self) -> _Job | None:
        if self._again:
            return self._again.popleft()
        for index, program in self._programs:
            return _Job(index, program, program.builders or program, self._timeout_s)
        return None

    def _start(self, job: _Job) -> None:
        if job.deaths and self._idle:  # what the programs before this one left behind is not to count against it
            self._idle.pop().close()
        worker = self._idle.pop() if self._idle and not job.deaths else Worker(self._found.containment)
        self._busy[worker] = job
        self._selector.register(worker, selectors.EVENT_READ, worker)
        with contextlib.suppress(WorkerDied):  # its socket has ended: _collect will see that
            worker.start(job.running, job.timeout_s)

    def _collect(self) -> None:
        """Wait until some worker has an outcome, or is overdue."""
        overdue_at = min(worker.overdue_at for worker in self._busy)
        events = self._selector.select(max(0.0, overdue_at - time.monotonic()))
        finished = [self._finish(key.data) for key, _ in events]
        self._fill()  # before judging: no zygote need wait for that
        for job, outcome in filter(None, finished):
            self._settle(job, outcome)
        if not events:
            for worker in [w for w in self._busy if w.overdue_at <= time.monotonic()]:
                self._died(self._release(worker), "the zygote did not keep the time")
                worker.close()

    def _release(self, worker: Worker) -> _Job:
        self._selector.unregister(worker)
        return self._busy.pop(worker)

    def _finish(self, worker: Worker) -> tuple[_Job, Outcome] | None:
        """Take what came from ``worker``; None when that was no outcome."""
        try:
            outcome = worker.finish()
        except WorkerDied as error:
            worker.close()
            self._died(self._release(worker), str(error))
            return None
        if outcome is None:
            return None
        self._idle.append(worker)
        return self._release(worker), outcome

    def _settle(self, job: _Job, outcome: Outcome) -> None:
        ruling = judge(job.running, outcome)
        if ruling[0] is Reason.HARNESS_ERROR and outcome.end == "timeout" and job.cpu_seconds:
            ruling = Reason.TIMEOUT, ""  # the processes before this one have left it no time to start in
        in_time = outcome.cpu_seconds < job.timeout_s
        if ruling[0] is Reason.TIMEOUT and in_time and not job.repeated:
            self._again.append(replace(job, repeated=True))
        elif job.verdict is not None:  # this was the official version
            passed = ruling[0] is Reason.PASSED
            decided = ruling[0] not in (Reason.TIMEOUT, Reason.HARNESS_ERROR) and passed is not job.verdict.passed
            self._verdicts[job.index] = replace(job.verdict, official_passed=passed if decided else None)
        elif ruling[0] is Reason.HARNESS_ERROR:
            self._died(job, ruling[1])
        elif ruling[0] is Reason.PASSED and job.running.builds_arguments:
            if in_time:
                program = job.program.calling(answers(job.running, outcome))
                self._again.append(job.after(outcome, program))
            else:
                self._verdicts[job.index] = self._verdict(job, (Reason.TIMEOUT, ""), outcome)
        else:
            verdict = self._verdict(job, ruling, outcome)
            if in_time and job.program.official and _official_may_differ(job, ruling):
                official = Program(job.program.id, job.program.official)
                self._again.append(job.after(outcome, official, verdict))
            else:
                self._verdicts[job.index] = verdict

    def _verdict(self, job: _Job, ruling: Ruling, outcome: Outcome | None) -> Verdict:
        return Verdict(
            id=job.program.id,
            passed=ruling[0] is Reason.PASSED,
            reason=ruling[0],
            detail=ruling[1],
            cpu_seconds=job.cpu_seconds + (outcome.cpu_seconds if outcome else 0.0),
            wall_seconds=job.wall_seconds + (outcome.wall_seconds if outcome else 0.0),
            level=self._found.level,
            inside=any(test.inside for test in job.program.tests),
        )

    def _died(self, job: _Job, why: str) -> None:
        """The harness failed, not the program: try again, then say so."""
        if job.deaths < _RETRIES:
            self._again.append(replace(job, deaths=job.deaths + 1))
        elif job.verdict is not None:
            self._verdicts[job.index] = job.verdict
        else:  # at level D a program can end its zygote; at the others it cannot
            reason = Reason.EXIT if self._found.level == "D" else Reason.HARNESS_ERROR
            self._verdicts[job.index] = self._verdict(job, (reason, why), None)


def _official_may_differ(job: _Job, ruling: Ruling) -> bool:
    """Whether the official harness could say otherwise.

    Where we see a pass: if its text defines anew what the program named, or its assert ends with the
    line that CRUXEval's text begins. Where we see none, not when a plain value was wrong: its ``==``
    is the builtin one there too. It could where an object would have been asked, where text is pasted
    beside its own, where CRUXEval's arguments use what the program defines, and where they lost what
    they share on their way to ``f``.
    """
    reason, detail = ruling
    kinds = {test.kind for test in job.running.tests}
    if reason is Reason.PASSED:
        pasted = [test.source for test in job.running.tests if test.kind in ("literal", "call")]
        named = job.program.official_names.intersection(re.findall(r"\w+", job.program.code))
        return bool(named) or any(len(text.splitlines()) > 1 for text in pasted)
    return (
        reason in (Reason.MALFORMED_REPLY, Reason.LIMIT)
        or (reason is Reason.WRONG_VALUE and (bool(kinds & {"literal", "call"}) or detail == "opaque"))
        or reason is Reason.SYNTAX
        or (reason is Reason.EXCEPTION and bool(kinds & {"arguments", "call"}))
    )
