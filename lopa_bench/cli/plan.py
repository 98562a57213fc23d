"""``lopa-bench plan experiment=…``: the runs of a table, their hours and memory, before anything starts."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from lopa_bench.config.nearest import nearest
from lopa_bench.errors import UserError
from lopa_bench.study.plan import YOUR_MODEL, Estimate, PlannedRun, commands, missing_runs, planned_runs, words
from lopa_bench.study.spec import SCALES
from lopa_bench.study.tables import tables

if TYPE_CHECKING:
    from lopa_bench.run.memory import Memory

DESCRIPTION = """\
Lists the runs that an experiment (a table of the report: lopa-bench list tables) still lacks, one line per group that differs in
nothing but task, with GPU-hours and the most memory that one of them needs; nothing is started. Hours are those of runs like
them in results_dir, else FLOPs by --tflops. `lopa-bench plan … --commands | sh` starts them. scale=small has no model of its own:
give model=local model.path=DIR data.dir=DIR, as to a run."""
KEYS = ["experiment", "scale", "results_dir"]
YOURS = [word.partition("=")[0] for word in YOUR_MODEL]


def main(argv: Sequence[str]) -> int:
    """``lopa-bench plan [experiment=TABLE[,TABLE]] [scale=mini|small|paper] [results_dir=DIR]``, and of scale=small the user's model."""
    parser = argparse.ArgumentParser(
        prog="lopa-bench plan",
        usage="lopa-bench plan [experiment=TABLE,…] [scale=mini|small|paper] [results_dir=results] [--tflops N] [--commands]",
        description=DESCRIPTION,
    )
    parser.add_argument(
        "settings",
        nargs="*",
        metavar="key=value",
        help="experiment (default: all), scale, results_dir; with scale=small the model and data too",
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
    yours = tuple(f"{key}={given[key]}" for key in YOURS if key in given)
    if yours and not any(run.needs_a_model for run in planned):
        raise UserError(f"plan {yours[0]}: scale={scale} has models of its own; with scale=small it is yours")
    left, known = _missing(planned, results, scale)
    if arguments.commands:
        print("\n".join(commands(left, yours or YOUR_MODEL)))
        return 0
    _print(left, known, arguments.tflops, yours)
    count = [sum(len(run.seeds) for run in part) for part in (planned, left)]
    print(f"{count[0]} runs, {count[1]} of them missing in {results}")
    return 0


def _settings(words: Iterable[str]) -> dict[str, str]:
    given = {}
    for word in words:
        key, equals, value = word.partition("=")
        if key not in (*KEYS, *YOURS) or not equals:
            raise UserError(f"plan {word}: there is no such key; nearest: {nearest(key, [*KEYS, *YOURS])}=…")
        given[key] = value
    return given


def _missing(planned: list[PlannedRun], results: Path, scale: str) -> tuple[list[PlannedRun], Estimate | None]:
    """What of a plan has not run yet, and what is known of how long such runs take."""
    if not results.is_dir():
        return planned, None
    from lopa_bench.results.read import read_runs

    runs = read_runs(results, scale)
    return missing_runs(planned, runs, scale), Estimate(runs.frame)


def _print(left: list[PlannedRun], known: Estimate | None, tflops: float, yours: tuple[str, ...]) -> None:
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
        took = sum(_hours(run, known, tflops, yours) for run in group)
        total += took
        memory = max(_memory(_overrides(run, yours)).peak for run in group)
        (command,) = commands(group, yours or YOUR_MODEL)
        runs = sum(len(run.seeds) for run in group)
        table.add_row(str(runs), f"{took:.2f}" if took >= 0.01 else "<0.01", f"{memory / 2**30:.1f}", command)
    console = Console(width=200, highlight=False)
    console.print(table)
    console.print(f"about {total:.1f} hours in all, one run after the other")


def _overrides(run: PlannedRun, yours: tuple[str, ...]) -> tuple[str, ...]:
    return (*words(run.overrides), *(yours if run.needs_a_model else ()))


def _hours(run: PlannedRun, known: Estimate | None, tflops: float, yours: tuple[str, ...]) -> float:
    """Of all seeds of a planned run."""
    from lopa_bench.config.compose import load_config
    from lopa_bench.run.work import hours

    seconds = known.seconds(run) if known else None
    if seconds is not None:
        return seconds / 3600
    return len(run.seeds) * hours(load_config(_overrides(run, yours)), tflops)


@cache
def _memory(overrides: tuple[str, ...]) -> Memory:
    from lopa_bench.config.compose import load_config
    from lopa_bench.run.memory import estimate

    return estimate(load_config(overrides))
