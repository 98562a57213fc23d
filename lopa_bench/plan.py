"""``lopa-bench plan experiment=…``: the runs of a table, their hours and memory, before anything starts."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lopa_bench.errors import UserError
from lopa_bench.report.declared import tables
from lopa_bench.report.plan import Estimate, PlannedRun, commands, missing_runs, planned_runs, words
from lopa_bench.report.spec import SCALES
from lopa_bench.suggest import nearest

if TYPE_CHECKING:
    from lopa_bench.memory import Memory

DESCRIPTION = """\
Lists the runs that an experiment (a table of the report: lopa-bench list tables) still lacks, one line per group that differs in
nothing but task, with GPU-hours and the most memory that one of them needs; nothing is started. Hours are those of runs like
them in results_dir, else FLOPs by --tflops. `lopa-bench plan … --commands | sh` starts them."""


def main(argv: Sequence[str]) -> int:
    """``lopa-bench plan [experiment=TABLE[,TABLE]] [scale=mini|small|paper] [results_dir=DIR]``."""
    parser = argparse.ArgumentParser(
        prog="lopa-bench plan",
        usage="lopa-bench plan [experiment=TABLE,…] [scale=mini|small|paper] [results_dir=results] [--tflops N] [--commands]",
        description=DESCRIPTION,
    )
    parser.add_argument(
        "settings", nargs="*", metavar="key=value", help="experiment (default: all), scale, results_dir"
    )
    parser.add_argument(
        "--tflops",
        type=float,
        default=20.0,
        help="what the device does in a second, in 10^12 (20, an assumption: batches of two rows reach a fraction of its best)",
    )
    parser.add_argument("--commands", action="store_true", help="only the commands, for a shell")
    arguments = parser.parse_intermixed_args(argv)
    given = _settings(arguments.settings)
    scale, results = given.get("scale", "mini"), Path(given.get("results_dir", "results"))
    if scale not in SCALES:
        raise UserError(f"scale={scale} is not one of {', '.join(SCALES)}")
    names = [table.name for table in tables(scale)]
    chosen = [name for name in given.get("experiment", "").split(",") if name]
    for name in chosen:
        if name not in names:
            raise UserError(
                f"experiment={name} is not one of {', '.join(names)}; nearest: experiment={nearest(name, names)}"
            )
    planned = planned_runs(tables(scale, chosen), scale)
    left, known = _missing(planned, results, scale)
    if arguments.commands:
        print("\n".join(commands(left)))
        return 0
    _print(left, known, arguments.tflops)
    count = [sum(len(run.seeds) for run in part) for part in (planned, left)]
    print(f"{count[0]} runs, {count[1]} of them missing in {results}")
    return 0


def _settings(words: Iterable[str]) -> dict[str, str]:
    given = {}
    for word in words:
        key, equals, value = word.partition("=")
        known = ["experiment", "scale", "results_dir"]
        if key not in known or not equals:
            raise UserError(f"plan {word}: there is no such key; nearest: {nearest(key, known)}=…")
        given[key] = value
    return given


def _missing(planned: list[PlannedRun], results: Path, scale: str) -> tuple[list[PlannedRun], Estimate | None]:
    """What of a plan has not run yet, and what is known of how long such runs take."""
    if not results.is_dir():
        return planned, None
    from lopa_bench.report.runs import read_runs

    runs = read_runs(results, scale)
    return missing_runs(planned, runs, scale), Estimate(runs.frame)


def _print(left: list[PlannedRun], known: Estimate | None, tflops: float) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading, justify in (("runs", "right"), ("hours", "right"), ("GiB", "right"), ("command", "left")):
        table.add_column(heading, justify=justify, overflow="fold")  # type: ignore[arg-type]
    total = 0.0
    groups: dict[str, list[PlannedRun]] = {}
    for run in left:
        rest = " ".join(word for word in words(run.overrides) if not word.startswith("task="))
        groups.setdefault(f"{rest} {run.seeds}", []).append(run)
    for group in groups.values():
        took = sum(_hours(run, known, tflops) for run in group)
        total += took
        memory = max(_memory(tuple(words(run.overrides))).peak for run in group)
        (command,) = commands(group)
        runs = sum(len(run.seeds) for run in group)
        table.add_row(str(runs), f"{took:.2f}" if took >= 0.01 else "<0.01", f"{memory / 2**30:.1f}", command)
    console = Console(width=200, highlight=False)
    console.print(table)
    console.print(f"about {total:.1f} hours in all, one run after the other")


def _hours(run: PlannedRun, known: Estimate | None, tflops: float) -> float:
    """Of all seeds of a planned run."""
    from lopa_bench.config import load_config
    from lopa_bench.workload import hours

    seconds = known.seconds(run) if known else None
    return seconds / 3600 if seconds is not None else len(run.seeds) * hours(load_config(words(run.overrides)), tflops)


@cache
def _memory(overrides: tuple[str, ...]) -> Memory:
    from lopa_bench.config import load_config
    from lopa_bench.memory import estimate

    return estimate(load_config(overrides))
