"""Which runs make up the tables: settings that select finished ones, commands that make them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from lopa_bench.config.fields import Kind
from lopa_bench.config.files import read
from lopa_bench.config.keys import spell
from lopa_bench.config.places import folder_name
from lopa_bench.config.quoting import as_meant, pair
from lopa_bench.errors import UserError
from lopa_bench.run import identity
from lopa_bench.study.commands import commands, words
from lopa_bench.study.estimate import Estimate, describe
from lopa_bench.study.settings import overrides_of, seeds_of_looks, usual_settings
from lopa_bench.study.spec import (
    PREFERRED,
    RUN_DEFAULTS,
    Column,
    Row,
    TableSpec,
    default_encoder,
    default_model,
    kind_of,
)
from lopa_bench.tasks.known import known
from lopa_bench.tasks.places import own_files

if TYPE_CHECKING:
    from lopa_bench.results.read import Runs

FAST_EPOCHS = 2  # of few rows and one seed: every cell is filled, and no score means anything
PASSES = ("train.epochs", "method.search")  # what says how often a run goes over its rows, where its method does
NEVER = {"seed", "scale", "results_dir", "recipe", "data.train", "data.validation", "data.test"}  # what no plan is told


@dataclass(frozen=True)
class PlannedRun:
    """One cell's settings, without its seeds.

    Attributes:
        overrides: what differs from the defaults, ``{"task": "rte", "method": "lopa", …}``.
        seeds: those that the table wants; the looks of the claims may ask for more.
    """

    overrides: Mapping[str, Any]
    seeds: tuple[int, ...]

    @property
    def task(self) -> str:
        return str(self.overrides["task"])

    @property
    def method(self) -> str:
        return str(self.overrides["method"])

    def settings(self, scale: str, given: Iterable[str] = ()) -> dict[str, Any]:
        """What the run of this cell's command has beside its recipe: fields, config keys; of its defaults, not those `given` otherwise."""
        model = self.overrides.get("model") or default_model(scale, self.task)
        plain = {**RUN_DEFAULTS, "data.limit": None, "data.train_limit": None, "model": model}
        plain |= {"data.source": "mini"} if scale == "mini" else {}
        left = {key: value for key, value in plain.items() if key not in given}
        own = dict(self.overrides)
        if "encoder" not in given:
            own["encoder"] = (own.get("encoder", default_encoder(model)), None)  # None: the method reads no instance
        usual = usual_settings(scale, self.task, self.method, model, self.overrides.get("method.freeze_encoder"))
        return identity.as_kept(self.method, {**left, **usual, **own})

    def selector(self, scale: str, given: Iterable[str] = ()) -> dict[str, Any]:
        """Those of its `settings` that a finished run must have to stand in this cell; of a model that may be another, its kind."""
        settings, free = self.settings(scale, given), PREFERRED.get(scale, ())
        kind = kind_of(settings["model"]) if "model" in free and "model" in settings else None
        return {k: v for k, v in settings.items() if k not in free} | ({"kind": kind} if kind else {})

    def chosen_by(self, scale: str) -> set[str]:
        """The keys that tell its runs from others: what it selects by, and hyperparameters."""
        return {*self.selector(scale), *(key for key in self.recipe(scale) if "." in key)}

    def recipe(self, scale: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Beside its `selector`, what the run of this cell's command has: its hyperparameters, the task's words and the model's.

        Of a value that hangs on the model's kind, where that may be either, both as a tuple.
        """
        own, given = self.settings(scale), given or {}
        model = given.get("model", own["model"])
        frozen, kind = self.overrides.get("method.freeze_encoder"), kind_of(own["model"])
        kinds = (kind,) if kind and "model" not in given else get_args(Kind)
        values = {
            **identity.recipe(scale, self.task, self.method, own["model"], frozen),
            **identity.of_task(self.task, kinds),
            **(identity.of_model(model) if isinstance(model, str) else {}),
            **own,
        }
        selector = self.selector(scale)
        return {key: value for key, value in values.items() if key not in selector and key not in given}

    def places(self, runs: Runs, scale: str) -> list[int]:
        """Where in the frame the runs of this cell's command are: on the recipe, with the task's own rows."""
        found = runs.places({**self.selector(scale, runs.given), **self.recipe(scale, runs.given)}).tolist()
        return [place for place in found if not own_files(known(self.task), runs.frame["config"].iloc[place]["data"])]

    def among(self, given: Mapping[str, Any], scale: str) -> PlannedRun:
        """The run that this cell lacks where only those with the settings `given` count (``--where``): it is told them too."""
        # Of another model's kind the cell asks, too; what else the scale leaves free may be the user's.
        fixed = {*self.overrides, "kind"} - ({*PREFERRED.get(scale, ())} - {"model"})
        settings = {*self.selector(scale), *self.recipe(scale)} - fixed
        told = {key: value if isinstance(value, tuple) else (value,) for key, value in given.items() if key in settings}
        typed = [f"{key}={spell(*values)}" for key, values in told.items() if len(values) == 1]
        return PlannedRun({**self.overrides, **dict(map(pair, typed))}, self.seeds)

    def instead(self, told: Mapping[str, Any], scale: str) -> dict[str, Any]:
        """What of `told`, which every run is given, takes the place of a setting of this one; the rest no number depends on."""
        named = {*self.selector(scale), *self.recipe(scale)}
        return {key: value for key, value in told.items() if key in named or identity.is_method_or_task(key)}

    def argv(self) -> list[list[str]]:
        """One list of overrides for ``lopa-bench`` per seed."""
        return [[*words(self.overrides), f"seed={seed}"] for seed in self.seeds]


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
        wanted = PlannedRun({**run.overrides, **run.instead(told or {}, scale)}, ())
        done = set(runs.frame["seed"].iloc[wanted.places(runs, scale)])
        seeds = tuple(seed for seed in run.seeds if seed not in done)
        if seeds:
            left.append(PlannedRun(run.overrides, seeds))
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
        further: some of these runs, with more seeds than the tables want.

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
        PlannedRun({k: v for k, v in run.overrides.items() if k not in given}, run.seeds) for run in planned
    )
    if given.get("model") == "local":  # its name is its folder's
        given["model"] = given.get("model.name") or folder_name(str(given.get("model.path", "")))
    there = () if results == Path(read("config")["results_dir"]) else (as_meant(f"results_dir={results}"),)
    if not results.exists():
        return Plan(planned, planned, tuple(told), there, None)
    from lopa_bench.results.read import read_runs

    runs = read_runs(results, scale)
    left = missing_runs(planned, runs, scale, given)
    return Plan(planned, left, tuple(told), there, Estimate(runs, scale, given), (*runs.warnings, *runs.refused))
