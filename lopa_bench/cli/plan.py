"""``lopa-bench plan``: the runs that tables are still missing, their hours and memory, before anything starts."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lopa_bench.cli import words
from lopa_bench.cli.options import RUNS, option, overrides
from lopa_bench.errors import UserError
from lopa_bench.host.gpus import visible
from lopa_bench.host.terminal import add_row, say, show, table, with_bar
from lopa_bench.study.looks import LOOKS
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.spec import SCALES

if TYPE_CHECKING:
    from lopa_bench.study.costs import Cost
    from lopa_bench.study.plan import Plan

SUMMARY = "the runs that the paper's tables are still missing: hours and memory before anything starts"
DETAILS = """\
One line per group of runs that differ in nothing but the task, with the hours of all and the most memory that one of them needs.
Hours are those of runs like them in results_dir, else FLOPs by tflops. `lopa-bench plan … --commands | sh` starts them, and so does
lopa-bench reproduce. At scale=small, say where models and rows are (models.dir=DIR data.dir=DIR), as to a run."""
EXAMPLE = "lopa-bench plan table=glue scale=paper"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tables:
    """Which runs are meant; what ``plan`` and ``reproduce`` have in common."""

    table: tuple[str, ...] = option("only these (lopa-bench list tables)", (), shown="TABLE", bare=True)
    scale: str = option("of the runs", "mini", shown="|".join(SCALES), choices=lambda: SCALES)
    results_dir: Path = option("the folder of results", RUNS, shown="DIR")
    fast: bool = option("one seed, few rows a split and epochs; every table says so", False)
    decide: bool = option("the further seeds too that undecided comparisons ask for (lopa-bench report claims)", False)
    overrides: tuple[str, ...] = overrides("of every run: models.dir=DIR data.dir=DIR, precision=fp32 …")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options(Tables):
    tflops: float | None = option(
        "what the device does in a second, in 10^12; by default an assumption: 20 on a GPU, 1 on a core of a CPU",
        None,
        shown="N",
        above=0,
    )
    commands: bool = option("only the commands, for a shell; quick, since no hours or memory are computed", False)
    format: Literal["terminal", "json"] = option("json: the overrides of each run", "terminal")


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    options = words.read(Options, argv, "plan")
    wanted = plan_of(options)
    if options.format == "json":
        say(json.dumps([argv for run in wanted.left for argv in wanted.overrides(run)]))
    elif options.commands:
        print_commands(wanted)
    else:
        print_plan(wanted, options.tflops)
    return 0


def plan_of(options: Tables) -> Plan:
    """The plan that the options ask for; what of the results could not be read is said on standard error.

    Raises:
        UserError: `decide` with `fast`, of which one seed decides nothing, or at a scale with one look; an override that a run of some
            method or task could not take.
    """
    from lopa_bench.study.plan import plan
    from lopa_bench.study.tables import tables

    told = words.run_overrides(options.overrides)
    chosen = tables(options.scale, options.table)
    if options.decide and options.fast:
        raise UserError("decide=true: fast=true has one seed, which decides nothing; leave out one of them")
    if options.decide and len(LOOKS.get(options.scale, ())) < 2:
        raise UserError(f"decide=true: scale={options.scale} has one look at its comparisons; leave it out")
    wanted = plan(chosen, options.scale, options.results_dir, options.fast, told)
    _check_told(wanted)
    if options.decide and options.results_dir.exists():
        wanted = plan(chosen, options.scale, options.results_dir, told=told, further=_further(options, wanted))
    say(*wanted.complaints, error=True)
    return wanted


def _check_told(wanted: Plan) -> None:
    """Raise `UserError` for what is told every run and a run of some method or task could not take: before any of them starts."""
    from lopa_bench.config.compose import load_config
    from lopa_bench.study.commands import words as spelled

    for run in {(run.task, run.method): run for run in wanted.planned}.values() if wanted.told else ():
        load_config([*spelled(run.overrides), *wanted.told])


def _further(options: Tables, wanted: Plan) -> list[PlannedRun]:
    """What the claims, tested on the runs of a plan, ask for beyond it."""
    from lopa_bench.report.further import further_runs
    from lopa_bench.results.read import read_runs

    runs = read_runs(options.results_dir, options.scale).only(words.settings(wanted.where(options.scale), "plan"))
    return further_runs(wanted.planned, runs, options.scale)


def print_commands(wanted: Plan) -> None:
    """The commands and, as a comment of the shell's, what they are in all."""
    say(*wanted.commands(), f"# {wanted.summary()}")


# A GPU's is an assumption: batches of two rows reach a fraction of its best. A core of a CPU had 1.5 in the published runs of
# scale=mini and 0.7 in those of scale=small.
ASSUMED = {"GPU": 20.0, "core of a CPU": 1.0}


def print_plan(wanted: Plan, tflops: float | None) -> None:
    """A line a command with its runs, hours and memory, and what that is in all."""
    from lopa_bench.study.commands import groups

    guessed = any(not wanted.known or wanted.known.seconds(run) is None for run in wanted.left)
    device = "GPU" if guessed and tflops is None and visible() else "core of a CPU"
    rate = tflops or ASSUMED[device]
    lines, seconds = table("runs", "hours", "GiB", "command", left=0, box=None), []
    lines.columns[3].justify = "left"
    commands = groups(wanted.left)
    for group in with_bar(commands, "hours and memory of each command", len(commands)):
        costs = [_cost(run, wanted) for run in group]
        took = [_seconds(run, cost, wanted, rate) for run, cost in zip(group, costs, strict=True)]
        peak = max(cost.memory.peak for cost in costs)
        (command,) = wanted.commands(group)
        hours = sum(took) / 3600
        runs = sum(len(run.seeds) for run in group)
        add_row(lines, (runs, f"{hours:.2f}" if hours >= 0.01 else "<0.01", f"{peak / 2**30:.1f}", command))
        seconds += took
    if seconds:
        show(lines, width=200)
    if guessed:
        assumed = f", assumed of a {device}" if tflops is None else ""
        say(f"hours of runs like which none is known: by their FLOPs at {rate:g} TFLOP/s{assumed} (tflops=N)")
    say(wanted.summary(seconds))


def _seconds(run: PlannedRun, cost: Cost, wanted: Plan, tflops: float) -> float:
    """Of all seeds of a planned run."""
    known = wanted.known.seconds(run) if wanted.known else None
    return known if known is not None else len(run.seeds) * 3600 * cost.hours(tflops)


def _cost(run: PlannedRun, wanted: Plan) -> Cost:
    """Of one of its seeds."""
    from lopa_bench.config.compose import load_config
    from lopa_bench.study.costs import cost

    return cost(load_config(wanted.overrides(run)[0]))
