"""Make every run of the paper's tables that is still missing, then write the tables, claims, figures and the HTML page.

    python scripts/reproduce_tables.py [--scale mini|small|paper] [--fast] [-n] [KEY=VALUE …]   (or: make reproduce-tables SCALE=… FAST=1)

Runs go side by side: one process per GPU where there are some, else one per core with one thread each (small models gain
little from a second). What is finished is found, so that a killed call goes on where it was; several machines that see the
same results folder share the work. Exit status 1 if a run failed: the tables are written all the same, with that cell empty.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing as mp
import os
import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lopa_bench.cli import report as cli
from lopa_bench.errors import UserError
from lopa_bench.host import signals
from lopa_bench.results.read import runs_so_far
from lopa_bench.study import plan, sweep
from lopa_bench.study.spec import SCALES
from lopa_bench.study.tables import tables

TELL_EVERY = 60.0  # seconds between two lines on how far it is
ENDING = {"markdown": "md", "latex": "tex", "csv": "csv", "json": "json"}


def main(argv: Sequence[str] | None = None) -> int:
    """Read the command line; plan, run, write. Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", choices=SCALES, default="mini")
    parser.add_argument("--fast", action="store_true", help="one seed, few rows a split; every table says so")
    parser.add_argument("--table", action="append", default=[], help="only this table (repeatable)")
    parser.add_argument("-n", "--dry-run", action="store_true", help="show the plan only")
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    parser.add_argument("--workers", type=int, help="processes; default: one per GPU, else one per core")
    parser.add_argument(
        "overrides", nargs="*", metavar="KEY=VALUE", help="of every run: model=local model.path=DIR data.dir=DIR"
    )
    options = parser.parse_args(argv)
    chosen = [
        "--results-dir",
        str(options.results_dir),
        "--scale",
        options.scale,
        *(["--fast"] if options.fast else []),
    ]
    try:
        with signals.raised():
            cli.main(["plan", *chosen, *(word for table in options.table for word in ("--table", table))])
            jobs = missing(options)
            count = min(options.workers or _gpus() or os.cpu_count() or 1, len(jobs))
            if count > 1:
                print(
                    f"in {count} processes side by side: {plan.describe([job.seconds for job in jobs], count)}",
                    flush=True,
                )
            if options.dry_run:
                return 0
            status = run_all(jobs, options.results_dir, count) if jobs else 0
            names = [table.name for table in tables(options.scale, options.table)]
            write_report(chosen, options.results_dir / "tables", names)
            return status
    except UserError as error:
        print(f"reproduce_tables: error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt as interruption:
        print("reproduce_tables: interrupted; the same command goes on from here", file=sys.stderr)
        return getattr(interruption, "exit_status", 130)


@dataclass(frozen=True)
class Job:
    """A run to make: its overrides, and about how long runs like it took (None: there are none)."""

    overrides: list[str]
    seconds: float | None


def missing(options: argparse.Namespace) -> list[Job]:
    """Every run that has no result yet; runs of one task next to each other, so that they share its features."""
    wanted = plan.planned_runs(tables(options.scale, options.table), options.scale, options.fast)
    runs = runs_so_far(options.results_dir, options.scale)
    told = dict(pair.split("=", 1) for pair in options.overrides if "=" in pair)
    left = plan.missing_runs(wanted, runs, options.scale, told)
    estimate = plan.Estimate(runs.frame)
    everywhere = [*options.overrides, f"results_dir={options.results_dir}"]
    return [
        Job([*argv, *everywhere], estimate.one(run))
        for run in sorted(left, key=lambda run: run.task)
        for argv in run.argv()
    ]


def run_all(jobs: list[Job], results_dir: Path, count: int) -> int:
    """Do all jobs with ``count`` processes; 1 if any failed."""
    gpus = _gpus()
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // count)))
    context = mp.get_context("spawn")
    taken = context.Value("i", 0)
    todo = [job.overrides for job in jobs]
    with sweep.planned(results_dir, todo) as folder:
        crew = [
            context.Process(target=work, args=(todo, str(folder), taken, n % gpus if gpus else None))
            for n in range(count)
        ]
        try:
            for worker in crew:
                worker.start()
            _wait(crew, folder, jobs)
        finally:
            _end([worker for worker in crew if worker.pid])
        return sweep.finish(folder)


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


def work(jobs: list[list[str]], folder: str, taken: Any, gpu: int | None) -> None:
    """One process: take the next job until none is left, or until the process that started this one is gone."""
    os.setpgrp()  # a terminal's Ctrl-C reaches the first process only, whose one SIGTERM lets this one save a checkpoint
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = str(gpu)
    try:
        with signals.raised():
            while (parent := mp.parent_process()) and parent.is_alive():
                with taken.get_lock():
                    index = taken.value
                    taken.value += 1
                if index >= len(jobs):
                    return
                place = Path(folder) / str(index)
                place.mkdir(parents=True, exist_ok=True)
                sweep.run_job(lambda i=index: _run(jobs[i]), place, jobs[index])
    except KeyboardInterrupt as interruption:
        sys.exit(getattr(interruption, "exit_status", 130))


def write_report(chosen: list[str], folder: Path, names: list[str]) -> None:
    """Tables and claims in `folder`, figures and ``report.html`` beside it; `chosen` are words for ``lopa-bench report``."""
    for format_, ending in ENDING.items():
        for name in names:
            output = str(folder / f"{name}.{ending}")
            cli.main(["tables", *chosen, "--table", name, "--format", format_, "--output", output])
    for format_ in ("markdown", "json"):
        cli.main(["claims", *chosen, "--format", format_, "--output", str(folder / f"claims.{ENDING[format_]}")])
    for what in ("figures", "html", "tables"):
        cli.main([what, *chosen])


def _run(overrides: list[str]) -> Any:
    from lopa_bench.config.compose import load_config
    from lopa_bench.run.story import run

    return run(load_config(overrides))


def _gpus() -> int:
    import torch

    return torch.cuda.device_count()


def _wait(crew: Sequence[mp.process.BaseProcess], folder: Path, jobs: Sequence[Job]) -> None:
    """Until every worker has ended; says now and then how far it is."""
    started = told = time.monotonic()
    while any(worker.is_alive() for worker in crew):
        next(worker for worker in crew if worker.is_alive()).join(timeout=1.0)
        if time.monotonic() - told >= TELL_EVERY:
            told = time.monotonic()
            states = sweep.read(folder)
            left = time_left(jobs, [job.state not in {"waiting", "running"} for job in states], told - started)
            print(f"{sweep.counts(states)}{f', {left} left' if left else ''}", flush=True)


def time_left(jobs: Sequence[Job], over: Sequence[bool], elapsed: float) -> str:
    """E.g. ``about 20 min``, by what the finished jobs were expected to take; empty before the first one is over.

    Args:
        over: which of the jobs are. elapsed: seconds since the first began.
    """
    known = [job.seconds for job in jobs if job.seconds is not None]
    usual = statistics.median(known) if known else 1.0
    expected = [usual if job.seconds is None else job.seconds for job in jobs]
    done = sum(itertools.compress(expected, over))
    return plan.describe([elapsed * (sum(expected) - done) / done]) if done else ""


if __name__ == "__main__":
    sys.exit(main())
