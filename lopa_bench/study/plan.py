"""Which runs make up the tables: settings that select finished ones, commands that make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopa_bench.config.files import read
from lopa_bench.config.keys import spell
from lopa_bench.config.places import folder_name
from lopa_bench.config.quoting import as_meant, pair
from lopa_bench.errors import UserError
from lopa_bench.study.commands import commands, words
from lopa_bench.study.estimate import Estimate, describe
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.settings import overrides_of, seeds_of_looks
from lopa_bench.study.spec import PREFERRED, Column, Row, TableSpec
from lopa_bench.tasks.known import known

if TYPE_CHECKING:
    from lopa_bench.results.read import Runs

FAST_EPOCHS = 2  # of few rows and one seed: every cell is filled, and no score means anything
PASSES = ("train.epochs", "method.search")  # what says how often a run goes over its rows, where its method does
NEVER = {"seed", "scale", "results_dir", "recipe", "data.train", "data.validation", "data.test"}  # what no plan is told


def cell(row: Row, column: Column, scale: str, fast: bool = False) -> PlannedRun:
    """The runs behind one cell of a table."""
    overrides = overrides_of(row, column, scale)
    if not fast:
        return PlannedRun(overrides, tuple(range(seeds_of_looks(overrides, scale)[0])))
    usual = PlannedRun(overrides, ()).recipe(scale)
    passes = {key: FAST_EPOCHS for key in PASSES if usual.get(key)}  # nothing to go over rows for: 0 or none
    return PlannedRun({**overrides, "data.limit": known(column.task).about.fast_rows, **passes}, (0,))


def planned_runs(tables: Iterable[TableSpec], scale: str, fast: bool = False) -> list[PlannedRun]:
    """Every run of these tables once, in the order of the tables."""
    return distinct(
        cell(row, column, scale, fast) for table in tables for row in table.rows for column in table.columns
    )


def distinct(runs: Iterable[PlannedRun]) -> list[PlannedRun]:
    """Each run once, where several columns or tables show it."""
    return list({tuple(words(run.overrides)): run for run in runs}.values())


def missing_runs(
    planned: Iterable[PlannedRun], runs: Runs, scale: str, told: Mapping[str, Any] | None = None
) -> list[PlannedRun]:
    """What of a plan has not run yet, with the seeds that lack.

    Args:
        told: settings that every run is given in place of its own. Those that no number depends on select no finished run.
    """
    left = []
    for run in planned:
        wanted = run.told(told or {}, scale)
        done = set(runs.frame["seed"].iloc[wanted.places(runs, scale)])
        seeds = tuple(seed for seed in run.seeds if seed not in done)
        if seeds:
            left.append(replace(run, seeds=seeds))
    return left


@dataclass(frozen=True)
class Plan:
    """What some tables want of a results folder.

    Attributes:
        planned, left: all of their runs, and those without a result. told: overrides that every run is given beside its own.
        there: ``results_dir=DIR``, where the folder is not the one that a run has without it.
        known: how long such runs take, where there are results. complaints: about results that could not be read.
    """

    planned: list[PlannedRun]
    left: list[PlannedRun]
    told: tuple[str, ...]
    there: tuple[str, ...]
    known: Estimate | None
    complaints: tuple[str, ...] = ()

    def commands(self, runs: Iterable[PlannedRun] | None = None) -> list[str]:
        """The commands that make these runs, or all that is left."""
        return commands(self.left if runs is None else runs, told=(*self.told, *self.there))

    def overrides(self, run: PlannedRun) -> list[list[str]]:
        """Of one run of `left`, the overrides of each seed."""
        return [[*argv, *self.told, *self.there] for argv in run.argv()]

    def where(self, scale: str) -> list[str]:
        """What of `told` a report must be told too, lest its tables ask for the usual runs in place of these: ``data.limit=60``."""
        named = [run.chosen_by(scale) for run in self.planned] if self.told else []
        found = []
        for key, value in map(pair, self.told):
            having = sum(key in keys for keys in named)
            some = key == "encoder" or having < len(named)  # others have none of it
            found += [f"{key}={spell(one)}" for one in ((value, None) if some else (value,)) if having]
        return found

    def summary(self, seconds: Sequence[float] = ()) -> str:
        """E.g. ``36 runs planned, 30 missing: about 12 min``.

        Args:
            seconds: of each run of `left`; by default what is known of runs like it.
        """
        planned, left = (sum(len(run.seeds) for run in runs) for runs in (self.planned, self.left))
        took: Sequence[float | None] = seconds or [self.known.seconds(run) if self.known else None for run in self.left]
        return f"{planned} runs planned, {left} missing: {describe(took) if left else 'nothing to do'}"


def plan(
    tables: Iterable[TableSpec],
    scale: str,
    results: Path,
    fast: bool = False,
    told: Sequence[str] = (),
    further: Iterable[PlannedRun] = (),
) -> Plan:
    """The runs of `tables`, and which of them `results` has not.

    Args:
        further: some of these runs with more seeds than the tables want, or on other rows.

    Raises:
        UserError: an override `told` for what the tables themselves say.
    """
    planned = distinct([*planned_runs(tables, scale, fast), *further])
    given, free = dict(map(pair, told)), PREFERRED.get(scale, ())
    for key, value in given.items():
        if key == "model" and key not in free:
            raise UserError(
                f"{key}={spell(value)}: scale={scale} has models of its own; with scale=small it may be yours"
            )
        if key not in free and (key in NEVER or any(key in run.overrides for run in planned)):
            raise UserError(f"{key}={spell(value)}: the tables say which {key} their runs have; leave it out")
    planned = distinct(
        replace(
            run,
            overrides={k: v for k, v in run.overrides.items() if k not in given},
            beside={k: v for k, v in run.beside.items() if k not in given},
        )
        for run in planned
    )
    if given.get("model") == "local":  # its name is its folder's
        given["model"] = given.get("model.name") or folder_name(str(given.get("model.path", "")))
    there = () if results == Path(read("config")["results_dir"]) else (as_meant(f"results_dir={results}"),)
    if not results.exists():
        return Plan(planned, planned, tuple(told), there, None)
    from lopa_bench.results.read import read_runs

    runs = read_runs(results, scale)
    left = missing_runs(planned, runs, scale, given)
    return Plan(planned, left, tuple(told), there, Estimate(runs, scale, given), runs.complaints)
