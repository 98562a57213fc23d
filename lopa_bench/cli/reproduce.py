"""``lopa-bench reproduce``: make every run of the paper's tables that is still missing, then write tables, claims, figures and the page.

Runs go side by side: one process per GPU where there are some, else one per core with one thread each (small models gain
little from a second). What is finished is found, so that a killed call goes on where it was; several machines that see the
same results folder share the work.
"""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing as mp
import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lopa_bench.cli import plan, report, words
from lopa_bench.cli.options import option
from lopa_bench.host import signals
from lopa_bench.host.extras import require
from lopa_bench.host.gpus import VISIBLE, visible
from lopa_bench.host.terminal import say
from lopa_bench.study import jobs as recorded
from lopa_bench.study import sweep
from lopa_bench.study.plan import Plan
from lopa_bench.study.rounds import carry_out

SUMMARY = "make every run that the tables are still missing, then tables, claims, figures and the page"
DETAILS = """\
Exit status 1 if a run failed: the tables are written all the same, with that cell empty. The same command goes on where it was;
several machines that see the same results folder share the work. `make reproduce-tables SCALE=… FAST=1 DECIDE=1` calls this.
With decide=true the seeds follow that undecided comparisons of its tables ask for, look by look, until none asks or a run fails; with
wait=false one look."""
EXAMPLE = "lopa-bench reproduce scale=mini fast=true table=glue --dry-run"
# Imported once, with torch, in a process that computes nothing and that the workers are forks of.
PRELOADED = ["lopa_bench.run.execution"]
TELL_EVERY = 60.0  # seconds between two lines on how far it is
ENDING = {"markdown": "md", "latex": "tex", "csv": "csv", "json": "json"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(plan.Tables):
    dry_run: bool = option("show the plan only", False, short="n")
    workers: int | None = option(
        "processes; one per GPU, else one per core, where it is not given", None, shown="N", at_least=1
    )
    wait: bool = option("for the runs that other processes do; otherwise they are left", True)


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """Plan, run, write. 1 if a run failed."""
    from lopa_bench.study.estimate import describe
    from lopa_bench.study.tables import tables

    options = words.read(Options, argv, "reproduce")
    made: set[tuple[str, ...]] = set()
    while True:
        wanted = plan.plan_of(options)
        plan.print_commands(wanted)
        jobs = jobs_of(wanted)
        count = process_count(options.workers, len(jobs))
        if count > 1:
            say(f"in {count} processes side by side: {describe([job.seconds for job in jobs], count)}")
        if options.dry_run:
            return 0
        require("matplotlib", "reproduce")  # what comes last, and the runs may take days
        status = recorded.status(run_all(jobs, options.results_dir, count, options.wait)) if jobs else 0
        asked = {tuple(job.overrides) for job in jobs}
        if status or asked <= made or not (options.decide and options.wait):
            break  # else what has run may ask for a further look
        made |= asked
    names = [table.name for table in tables(options.scale, options.table)]
    write_report(options.results_dir, options.scale, options.fast, names, wanted.where(options.scale))
    return status


@dataclasses.dataclass(frozen=True)
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


def process_count(workers: int | None, jobs: int) -> int:
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


def write_report(results_dir: Path, scale: str, fast: bool, names: Sequence[str], where: Sequence[str] = ()) -> None:
    """Tables and claims in ``tables/`` of the scale's results, figures and ``report.html`` beside it; of the runs of `where` only."""
    from lopa_bench.results.read import read_runs

    runs = read_runs(results_dir, scale).only(words.settings(where, "reproduce"))
    place = results_dir / scale

    def write(what: str, kind: type[report.Options], output: Path | None = None, **more: Any) -> None:
        report.WRITERS[what](kind(results_dir=results_dir, scale=scale, fast=fast, output=output, **more), runs)

    try:
        for format_, ending in ENDING.items():
            for name in names:
                write("tables", report.Tables, place / "tables" / f"{name}.{ending}", table=(name,), format=format_)
        for format_ in ("markdown", "json"):
            write("claims", report.Claims, place / "tables" / f"claims.{ENDING[format_]}", format=format_)
        write("figures", report.Options, place / "figures")
        write("html", report.Html, place / "report.html")
        write("tables", report.Tables)
    finally:
        say(*runs.warnings, *runs.refused, error=True)


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
    from lopa_bench.study.estimate import describe

    known = [job.seconds for job in jobs if job.seconds is not None]
    usual = statistics.median(known) if known else 1.0
    expected = [usual if job.seconds is None else job.seconds for job in jobs]
    done = sum(itertools.compress(expected, over))
    return describe([elapsed * (sum(expected) - done) / done]) if done else ""
