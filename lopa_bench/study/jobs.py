"""What is known of a sweep's jobs: a small file of each, and what it says in words. Imports no torch."""

from __future__ import annotations

import contextlib
import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from lopa_bench.errors import RunFailed, UserError, in_a_line
from lopa_bench.host.files import load_json, write_text
from lopa_bench.host.lease import alive, owner_of
from lopa_bench.host.processes import is_main
from lopa_bench.study.estimate import describe

PLAN, STOP, JOB, JOB_LOCK = "sweep.json", "stop", "job.json", "job.lock"
DIED = "its process ended without a word (killed, or out of memory?); the same command goes on from its last checkpoint"


@dataclass(frozen=True)
class Job:
    """What is known of a job.

    Attributes:
        state: waiting · running · ran · found (finished before) · failed · elsewhere (another process does it) · interrupted · died (its
            process ended without a word).
        score: the metric that selects, with its name. directory: of its run. log: the traceback of a failed one.
        seconds: that the run took, when it was made.
        starts: how often it was begun. deaths: how many of the processes that did it died, the last one aside.
        diverged: it failed for what it was asked to do, since its loss was not finite: again it would do the same.
    """

    overrides: tuple[str, ...]
    state: str = "waiting"
    score: str = ""
    directory: str = ""
    seconds: float = 0.0
    error: str = ""
    log: str = ""
    starts: int = 0
    deaths: int = 0
    diverged: bool = False

    @property
    def done(self) -> bool:
        """Whether there is a result."""
        return self.state in {"ran", "found"}


def write(folder: Path, job: Job) -> None:
    """Record what is known of the job of a folder."""
    if is_main():
        with contextlib.suppress(RunFailed):  # a full disk: the run itself says so
            write_text(folder / JOB, json.dumps(asdict(job)), durable=False)


def known(path: Path) -> Job | None:
    """What was recorded of a job."""
    try:
        facts = load_json(path)
        return Job(**{**facts, "overrides": tuple(facts["overrides"])})
    except (UserError, KeyError, TypeError):
        return None


def numbered(folder: Path) -> dict[int, Job]:
    """All jobs of a sweep, by their numbers. One that nobody does any more, although it was begun, has died."""
    jobs = dict(enumerate(_planned(folder)))
    for path in folder.glob(f"*/{JOB}"):
        if path.parent.name.isdecimal() and (job := known(path)):
            if job.state == "running" and not alive(lock := path.with_name(JOB_LOCK), owner_of(lock)):
                job = known(path) or job  # it may have ended between the two looks
                job = replace(job, state="died", error=DIED) if job.state == "running" else job
            jobs[int(path.parent.name)] = job
    return {i: jobs[i] for i in sorted(jobs)}


def read(folder: Path) -> list[Job]:
    """All jobs of a sweep, in order."""
    return list(numbered(folder).values())


def _planned(folder: Path) -> list[Job]:
    """The jobs that are known beforehand: none of a search."""
    with contextlib.suppress(UserError, KeyError, TypeError):
        return [Job(tuple(job)) for job in load_json(folder / PLAN)["jobs"]]
    return []


def label(job: Job, jobs: Sequence[Job]) -> str:
    """The overrides that tell a job from the others."""
    same = set.intersection(*(set(other.overrides) for other in jobs or [job]))
    return " ".join(text for text in job.overrides if text not in same) or " ".join(job.overrides)


def counts(jobs: Sequence[Job]) -> str:
    """E.g. ``3 ran · 5 found · 1 failed``."""
    states = [job.state for job in jobs]
    return " · ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "no job"


def status(jobs: Sequence[Job]) -> int:
    """The exit status of a sweep: 1 if any job has no result, or if a process died over one."""
    return int(any(not job.done or job.deaths for job in jobs))


def reason(error: BaseException) -> str:
    """What an error says, in its first line; before it, where it is none of ours, its kind."""
    return in_a_line(error, kind=not isinstance(error, UserError))


def beginning(job: Job, folder: Path) -> str:
    """E.g. ``3 of 8: task=rte seed=2 (about 4 min left)``; of 8 where it is known beforehand that there are so many."""
    jobs, total = read(folder.parent), len(_planned(folder.parent))
    states, took = [other.state for other in jobs], [other.seconds for other in jobs if other.state == "ran"]
    now, left = states.count("running"), states.count("running") + states.count("waiting")
    time_left = f" ({describe([statistics.mean(took) * left], max(1, now))} left)" if took and total else ""
    return f"{int(folder.name) + 1}{f' of {total}' if total else ''}: {label(job, jobs)}{time_left}"


def told(job: Job, jobs: Sequence[Job]) -> list[str]:
    """The lines on what became of a job."""
    return [line(job, jobs), *([f"{'':<11} log: {job.log}"] if job.log else [])]


def line(job: Job, jobs: Sequence[Job]) -> str:
    """A job in one line: its state, what tells it from the others, and what came of it."""
    seconds = f"  {job.seconds:.1f} s" if job.seconds else ""
    again = f"  after {job.deaths} of its processes died" if job.done and job.deaths else ""
    return f"{job.state:<11} {label(job, jobs)}  {job.score or job.error}{seconds}{again}".rstrip()
