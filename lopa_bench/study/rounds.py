"""A sweep's jobs, launched in rounds until each is done: what was not begun, what a process died over, what others have given up."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

from lopa_bench.host.lease import alive, owner_of
from lopa_bench.host.processes import processes
from lopa_bench.host.terminal import say
from lopa_bench.results import directory
from lopa_bench.study import submit
from lopa_bench.study.jobs import STOP, Job, numbered

Launch = Callable[[Mapping[int, Job]], None]  # does the jobs, or what it can of them; returns when it does no more

STARTS = 2  # of a job whose process dies or is told to stop: one that dies again is its own fault
LOOK_EVERY = 2.0  # seconds between two looks at what other processes do
LOOK_AT_QUEUE_EVERY = 30.0  # and at SLURM's queue, which all its users ask


def carry_out(folder: Path, launch: Launch, wait: bool, detach: bool = False) -> None:
    """Have `launch` do the jobs of the sweep in `folder`, and again those that it leaves, until it gets no further.

    Args:
        wait: for other processes' runs, until they are finished or given up; False leaves them.
        detach: launch only, for there is nothing to be seen of the jobs before they are through a queue.
    """
    together, before = processes(), dict[int, Job]()
    while True:
        todo, before = together.first(partial(_left, folder, before, wait and not detach))
        if todo:
            launch(todo)
        if detach or not todo:
            return


def _left(folder: Path, before: Mapping[int, Job], wait: bool) -> tuple[dict[int, Job], dict[int, Job]]:
    """The jobs to be launched now, and all jobs; it waits for processes of this sweep, and for others' where nothing else is left.

    Args:
        before: the jobs before the last launch. One that began none of them will not begin them the next time.
    """
    told = False
    while True:
        jobs, queued = numbered(folder), submit.queued(folder)
        at_work = any(job.state == "running" for job in jobs.values())  # which a launcher has left behind
        ready = {
            number: job
            for number, job in jobs.items()
            if job.overrides not in queued and _can_begin(job, stuck=jobs == before, wait=wait)
        }
        elsewhere = [job for job in jobs.values() if wait and (_is_done_elsewhere(job) or _waits(job, queued))]
        if not at_work and (ready or not elsewhere):
            return ready, jobs
        if not at_work and not told:
            say(
                f"{len(elsewhere)} of {len(jobs)} jobs are done by other processes; waits for them (wait=false does not)"
            )
            told = True
        time.sleep(LOOK_AT_QUEUE_EVERY if queued else LOOK_EVERY)


def _waits(job: Job, queued: Collection[tuple[str, ...]]) -> bool:
    """Whether another sweep has put the job into a queue."""
    return job.state == "waiting" and job.overrides in queued


def _can_begin(job: Job, stuck: bool, wait: bool) -> bool:
    if job.state == "waiting":
        return not stuck
    if job.state == "elsewhere":
        return wait and not _is_done_elsewhere(job)
    return job.state in {"died", "interrupted"} and job.starts < STARTS


def _is_done_elsewhere(job: Job) -> bool:
    """Whether another process is at work on the job's run."""
    lock = Path(job.directory) / directory.LOCK
    return job.state == "elsewhere" and alive(lock, owner_of(lock))


def stop(folder: Path) -> None:
    """Have every process of the sweep in `folder` save a checkpoint and end, wherever it runs; returns when all have."""
    (folder / STOP).touch()
    settle(folder)


def settle(folder: Path) -> None:
    """Wait until no process is at work on a job of the sweep in `folder`."""
    while any(job.state == "running" for job in numbered(folder).values()):
        time.sleep(0.1)
