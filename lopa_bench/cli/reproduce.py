"""``lopa-bench reproduce``: make every run of the paper's tables that is still missing, then write tables, claims, figures and the page.

Runs go side by side: one process per GPU where there are some, else one per core with one thread each (small models gain
little from a second). What is finished is found, so that a killed call goes on where it was; several machines that see the
same results folder share the work.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lopa_bench.cli import plan, report, words
from lopa_bench.cli.options import option
from lopa_bench.host.extras import require
from lopa_bench.host.terminal import say
from lopa_bench.study import jobs as recorded
from lopa_bench.study import pool

SUMMARY = "make every run that the tables are still missing, then tables, claims, figures and the page"
DETAILS = """\
Exit status 1 if a run failed: the tables are written all the same, with that cell empty. The same command goes on where it was;
several machines that see the same results folder share the work. `make reproduce-tables SCALE=… FAST=1 DECIDE=1` calls this.
With decide=true the seeds follow that undecided comparisons of its tables ask for, look by look, until none asks or a run fails; with
wait=false one look."""
EXAMPLE = "lopa-bench reproduce scale=mini fast=true table=glue --dry-run"
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
        jobs = pool.jobs_of(wanted)
        count = pool.workers_for(options.workers, len(jobs))
        if count > 1:
            say(f"in {count} processes side by side: {describe([job.seconds for job in jobs], count)}")
        if options.dry_run:
            return 0
        require("matplotlib", "reproduce")  # what comes last, and the runs may take days
        status = recorded.status(pool.run_all(jobs, options.results_dir, count, options.wait)) if jobs else 0
        asked = {tuple(job.overrides) for job in jobs}
        if status or asked <= made or not (options.decide and options.wait):
            break  # else what has run may ask for a further look
        made |= asked
    names = [table.name for table in tables(options.scale, options.table)]
    write_report(options.results_dir, options.scale, options.fast, names, wanted.where(options.scale))
    return status


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
        say(*runs.complaints, error=True)
