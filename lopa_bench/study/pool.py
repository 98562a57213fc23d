"""The processes that make many runs side by side: one per GPU where there are some, else one per core with one thread each."""

from __future__ import annotations

import itertools
import multiprocessing as mp
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lopa_bench.host import signals
from lopa_bench.host.gpus import VISIBLE, visible
from lopa_bench.host.terminal import say
from lopa_bench.study import jobs as recorded
from lopa_bench.study import sweep
from lopa_bench.study.estimate import describe
from lopa_bench.study.plan import Plan
from lopa_bench.study.rounds import carry_out

# Imported once, with torch, in a process that computes nothing and that the workers are forks of.
PRELOADED = ["lopa_bench.run.execution"]
TELL_EVERY = 60.0  # seconds between two lines on how far it is


@dataclass(frozen=True)
class Command:
    """A run to make: its overrides, and about how long runs like it took (None: there are none)."""

    overrides: list[str]
    seconds: float | None


def jobs_of(wanted: Plan) -> list[Command]:
    """Every run that has no result yet; runs of one task next to each other, so that they share its features."""
    return [
        Command(overrides, wanted.known.one(run) if wanted.known else None)
        for run in sorted(wanted.left, key=lambda run: run.task)
        for overrides in wanted.overrides(run)
    ]


def workers_for(workers: int | None, jobs: int) -> int:
    """How many processes do so many jobs, where nobody says it: one per GPU, else one per core."""
    return min(workers or len(visible()) or os.cpu_count() or 1, jobs)


def run_all(jobs: list[Command], results_dir: Path, count: int, wait: bool = True) -> list[recorded.Job]:
    """Do all jobs with ``count`` processes; what became of each. `wait`: for the runs that other processes do."""
    gpus = visible()
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    context = mp.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    with sweep.planned(results_dir, [job.overrides for job in jobs]) as folder:

        def side_by_side(todo: Mapping[int, recorded.Job]) -> None:
            taken, left = context.Value("i", 0), {i: list(job.overrides) for i, job in todo.items()}
            crew = [
                context.Process(target=work, args=(left, str(folder), taken, gpus[n % len(gpus)] if gpus else None))
                for n in range(min(count, len(todo)))
            ]
            try:
                for worker in crew:
                    worker.start()
                _wait(crew, folder, jobs)
            finally:
                _end([worker for worker in crew if worker.pid])

        carry_out(folder, side_by_side, wait)
        sweep.finish(folder)
        return recorded.read(folder)


def _end(crew: Sequence[mp.process.BaseProcess]) -> None:
    """Let each worker save a checkpoint and end; a second signal to this process becomes theirs, and they do not wait."""
    for worker in crew:
        worker.terminate()
    try:
        for worker in crew:
            worker.join()
    except KeyboardInterrupt:
        for worker in crew:
            worker.terminate()
        raise


def work(jobs: dict[int, list[str]], folder: str, taken: Any, gpu: str | None) -> None:
    """One process: take the next of the numbered jobs until none is left, or until the process that started this one is gone."""
    os.setpgrp()  # a terminal's Ctrl-C reaches the first process only, whose one SIGTERM lets this one save a checkpoint
    if gpu is not None:
        os.environ[VISIBLE] = gpu
    try:
        with signals.raised():
            while (parent := mp.parent_process()) and parent.is_alive():
                with taken.get_lock():
                    number = next(itertools.islice(jobs, taken.value, None), None)
                    taken.value += 1
                if number is None:
                    return
                place = Path(folder) / str(number)
                place.mkdir(parents=True, exist_ok=True)
                sweep.run_job(partial(_run, jobs[number]), place, jobs[number])
    except KeyboardInterrupt as interruption:
        sys.exit(getattr(interruption, "exit_status", 130))


def _run(overrides: list[str]) -> Any:
    from lopa_bench.config.compose import load_config
    from lopa_bench.run.story import run

    return run(load_config(overrides))


def _wait(crew: Sequence[mp.process.BaseProcess], folder: Path, jobs: Sequence[Command]) -> None:
    """Until every worker has ended; says now and then how far it is."""
    started = told = time.monotonic()
    while alive := [worker for worker in crew if worker.is_alive()]:
        alive[0].join(timeout=1.0)
        if time.monotonic() - told >= TELL_EVERY:
            told = time.monotonic()
            states = recorded.read(folder)
            left = time_left(jobs, [job.state not in {"waiting", "running"} for job in states], told - started)
            say(f"{recorded.counts(states)}{f', {left} left' if left else ''}")


def time_left(jobs: Sequence[Command], over: Sequence[bool], elapsed: float) -> str:
    """E.g. ``about 20 min``, by what the finished jobs were expected to take; empty before the first one is over.

    Args:
        over: which of the jobs are. elapsed: seconds since the first began.
    """
    known = [job.seconds for job in jobs if job.seconds is not None]
    usual = statistics.median(known) if known else 1.0
    expected = [usual if job.seconds is None else job.seconds for job in jobs]
    done = sum(itertools.compress(expected, over))
    return describe([elapsed * (sum(expected) - done) / done]) if done else ""
