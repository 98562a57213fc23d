"""Which runs make up the tables: settings that select finished ones, commands that make them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lopa_bench.config.keys import lookup, spell
from lopa_bench.run import identity
from lopa_bench.study.spec import (
    METHOD_DEFAULTS,
    RUN_DEFAULTS,
    Column,
    Row,
    TableSpec,
    default_model,
    encoder_path,
    scale_settings,
)
from lopa_bench.tasks.known import known

if TYPE_CHECKING:
    import pandas as pd

    from lopa_bench.results.read import Runs

YOUR_MODEL = ("model=local", "model.path=DIR", "data.dir=DIR")  # what a scale without models of its own has to be told


@dataclass(frozen=True)
class PlannedRun:
    """One cell's settings, without its seeds.

    Attributes:
        overrides: what differs from the defaults, ``{"task": "rte", "method": "lopa", …}``.
        seeds: the seeds that the table wants.
    """

    overrides: Mapping[str, Any]
    seeds: tuple[int, ...]

    @property
    def task(self) -> str:
        return str(self.overrides["task"])

    @property
    def method(self) -> str:
        return str(self.overrides["method"])

    @property
    def needs_a_model(self) -> bool:
        """Whether the user has to name the model: neither this cell nor its scale does."""
        return "model" not in self.overrides and not default_model(str(self.overrides.get("scale", "mini")), self.task)

    def selector(self, scale: str, given: Iterable[str] = ()) -> dict[str, Any]:
        """The fields and config keys a finished run of this cell has; of its defaults, not those `given` otherwise."""
        model = default_model(scale, self.task)
        plain = {**RUN_DEFAULTS, "data.limit": None}
        if model:  # else the user's own, on as many training rows as the user has time for
            plain |= {"model": model, "data.train_limit": None}
        if scale == "mini":
            plain |= {"data.source": "mini"}
        left = {key: value for key, value in plain.items() if key not in given}
        own = dict(self.overrides)
        if "encoder" in own:
            own["encoder"] = encoder_path(own["encoder"])
        return {**left, **METHOD_DEFAULTS[self.method], **own}

    def recipe(self, scale: str, given: Iterable[str] = ()) -> dict[str, Any]:
        """Beside its `selector`, the hyperparameters of the run that this cell's command makes."""
        own = self.selector(scale)
        values = identity.recipe(scale, self.task, self.method, own.get("model"))
        return {key: value for key, value in values.items() if key not in own and key not in given}

    def argv(self) -> list[list[str]]:
        """One list of overrides for ``lopa-bench`` per seed."""
        return [[*words(self.overrides), f"seed={seed}"] for seed in self.seeds]


def cell(row: Row, column: Column, scale: str, fast: bool = False) -> PlannedRun:
    """The runs behind one cell of a table."""
    usual = column.model in (None, default_model(scale, column.task))
    model = {} if usual else {"model": column.model}
    defaults = {**RUN_DEFAULTS, **METHOD_DEFAULTS[row.method]}
    own = {key: value for key, value in {**column.settings, **row.settings}.items() if defaults.get(key) != value}
    limit = {"data.limit": known(column.task).about.fast_rows} if fast else {}
    overrides = {"task": column.task, "method": row.method, **own, **model, **limit}
    return PlannedRun({**scale_settings(scale, column.task), **overrides}, seeds(column.task, row.method, fast))


def seeds(task: str, method: str, fast: bool = False) -> tuple[int, ...]:
    """As many as the task's tables want; one when FAST, or where nothing is trained."""
    if fast or method == "none":
        return (0,)
    return tuple(range(known(task).about.seeds))


def planned_runs(tables: Iterable[TableSpec], scale: str, fast: bool = False) -> list[PlannedRun]:
    """Every run of these tables once, in the order of the tables."""
    return distinct(
        cell(row, column, scale, fast) for table in tables for row in table.rows for column in table.columns
    )


def distinct(runs: Iterable[PlannedRun]) -> list[PlannedRun]:
    """Each run once, where several columns or tables show it."""
    return list({tuple(words(run.overrides)): run for run in runs}.values())


def commands(runs: Iterable[PlannedRun], yours: Sequence[str] = YOUR_MODEL) -> list[str]:
    """The commands that make these runs, one per group that differs in nothing but the task.

    Args:
        yours: overrides that name the user's model and data, for a scale without models of its own.
    """
    groups: dict[tuple[Any, ...], list[PlannedRun]] = defaultdict(list)
    for run in runs:
        rest = tuple(word for word in words(run.overrides) if not word.startswith("task="))
        groups[rest, run.seeds].append(run)
    return [_command(rest, seeds, group, yours) for (rest, seeds), group in groups.items()]


def _command(rest: tuple[str, ...], seeds: tuple[int, ...], group: list[PlannedRun], yours: Sequence[str]) -> str:
    tasks = ",".join(dict.fromkeys(run.task for run in group))
    typed = [f"task={tasks}", *rest, "seed=" + ",".join(map(str, seeds)), *(yours if group[0].needs_a_model else ())]
    many = any("," in word for word in typed)
    return " ".join(["lopa-bench", *(["-m"] if many else []), *typed])


def missing_runs(
    planned: Iterable[PlannedRun], runs: Runs, scale: str, told: Mapping[str, Any] | None = None
) -> list[PlannedRun]:
    """What of a plan has not run yet, with the seeds that lack.

    Args:
        told: hyperparameters that every run is given in place of the recipe's.
    """
    left = []
    for run in planned:
        recipe = run.recipe(scale)
        instead = {key: value for key, value in (told or {}).items() if key in recipe}
        done = set(runs.where({**run.selector(scale), **recipe, **instead})["seed"])
        seeds = tuple(seed for seed in run.seeds if seed not in done)
        if seeds:
            left.append(PlannedRun(run.overrides, seeds))
    return left


class Estimate:
    """Seconds of a run, from runs that exist with as many rows: same task and method, else task, else family."""

    def __init__(self, frame: pd.DataFrame) -> None:
        timed = frame.dropna(subset=["seconds"])
        timed = timed.assign(limit=[lookup(config, "data.limit") or 0 for config in timed["config"]])
        self._by: list[dict[Any, float]] = [
            timed.groupby(keys)["seconds"].median().to_dict()
            for keys in (["limit", "task", "method"], ["limit", "task"], ["limit", "family"])
        ]

    def one(self, run: PlannedRun) -> float | None:
        """One seed of a planned run; None where nothing like it has run yet."""
        limit = run.overrides.get("data.limit", 0)
        keys = ((limit, run.task, run.method), (limit, run.task), (limit, known(run.task).family))
        return next((medians[key] for key, medians in zip(keys, self._by, strict=True) if key in medians), None)

    def seconds(self, run: PlannedRun) -> float | None:
        """All seeds of it together."""
        one = self.one(run)
        return None if one is None else one * len(run.seeds)


def describe(seconds: Iterable[float | None], processes: int = 1) -> str:
    """``about 12 min``, shared by ``processes``; says how many runs it could not guess."""
    seconds = list(seconds)
    known = [value for value in seconds if value is not None]
    unknown = len(seconds) - len(known)
    if not known:
        return "time unknown: nothing like it has run yet"
    minutes = sum(known) / processes / 60
    text = f"about {minutes / 60:.1f} h" if minutes > 90 else f"about {max(1, round(minutes))} min"
    return text + (f", and {unknown} settings of unknown time" if unknown else "")


def words(overrides: Mapping[str, Any]) -> list[str]:
    """Overrides as typed: ``key=value``."""
    return [f"{key}={spell(value)}" for key, value in overrides.items()]
