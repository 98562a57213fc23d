"""Which runs stand for a planned cell: those of one setting, the recipe's before any other. Tables, claims and figures ask here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from lopa_bench.config.keys import fits, lookup, spell
from lopa_bench.results.read import Chosen, Runs
from lopa_bench.study.commands import words
from lopa_bench.study.plan import cell
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.spec import Column
from lopa_bench.study.tables import tables
from lopa_bench.tasks.known import known
from lopa_bench.tasks.places import own_files


def choose(runs: Runs, planned: PlannedRun, scale: str) -> Chosen:
    """The runs of a cell, one a seed, and what a reader must know of their setting; no runs where there are none.

    Runs at the recipe's hyperparameters (those of the cell's command) count alone. Only where there are none is
    another setting shown, and the note names what differs. ``--where`` stands in for the recipe.
    """
    key = (scale, *words(planned.overrides))
    if key not in runs.chosen:
        runs.chosen[key] = _chosen(runs, planned, scale)
    return runs.chosen[key]


def _chosen(runs: Runs, planned: PlannedRun, scale: str) -> Chosen:
    if usual := planned.places(runs, scale):
        return one_setting(runs, usual)
    found = runs.places(planned.selector(scale, runs.given)).tolist()
    if not found:
        return runs.frame.iloc[found], None
    chosen, note = one_setting(runs, found)
    off = _off(chosen.iloc[0], planned.recipe(scale, runs.given))
    return chosen, " ".join(filter(None, [off, note]))


def by_rank_of(runs: Runs, column: Column, scale: str, fast: bool = False) -> Iterator[tuple[int, list[Path]]]:
    """Each rank of LOPA with the ``result.json`` of the runs that stand for it on a column's task, one a seed."""
    (by_rank,) = tables(scale, ["ablation_rank"])
    for row in by_rank.rows:
        chosen, _ = choose(runs, cell(row, column, scale, fast), scale)
        yield int(row.settings["method.rank"]), list(chosen["path"])


def one_setting(runs: Runs, places: Sequence[int]) -> tuple[pd.DataFrame, str | None]:
    """Runs of one setting only, in the order of their seeds, so that a mean is over seeds and nothing else.

    Where several settings match, the one with most seeds is taken (never the one that scored best)
    and the note says what tells it from the others, and how to ask for those.

    Args:
        places: the rows of `runs.frame` to choose from; at least one.
    """
    by_setting: dict[str, dict[int, int]] = {}
    columns = (runs.frame[name].to_numpy()[list(places)].tolist() for name in ("setting", "seed"))
    for place, setting, seed in zip(places, *columns, strict=True):
        by_setting.setdefault(setting, {}).setdefault(seed, place)
    order = sorted(by_setting, key=lambda setting: (-len(by_setting[setting]), setting))
    chosen = runs.frame.iloc[[place for _, place in sorted(by_setting[order[0]].items())]]
    if len(order) == 1:
        return chosen, None
    configs = runs.frame["config"]
    first, *others = [configs.iloc[min(by_setting[setting].values())] for setting in order]
    keys = sorted({key for other in others for key in _different(first, other)})
    choice = ", ".join(f"{key}={lookup(first, key)}" for key in keys)
    note = f"{len(order)} settings match; shown is {choice} (choose with --where KEY=VALUE)."
    return chosen, note


def _off(run: Mapping[str, Any], recipe: Mapping[str, Any]) -> str:
    """In what a run is not at the recipe's values: ``train.lr=0.5, not the recipe's 0.001.`` Another model has words of its own."""
    own = {key: run[key] if key in run else lookup(run["config"], key) for key in recipe}
    off = [key for key, value in recipe.items() if not fits(own[key], value)]
    told = [key for key in off if "model" not in off or not key.startswith("model.")]
    named = [f"{key}={spell(own[key])}, not the recipe's {_spelt(recipe[key])}" for key in told]
    files = own_files(known(run["task"]), run["config"]["data"])
    named += [f"data.{split}={file}, not the task's rows" for split, file in files.items()]
    return "; ".join(named) + "."


def _spelt(value: Any) -> str:
    return " or ".join(map(spell, value)) if isinstance(value, tuple) else spell(value)


def _different(a: Any, b: Any, prefix: str = "") -> list[str]:
    """The dotted keys in which two configs differ, the seed left out."""
    if not (isinstance(a, Mapping) and isinstance(b, Mapping)):
        return [] if a == b else [prefix]
    keys = [key for key in {**a, **b} if prefix or key != "seed"]
    dotted = [(key, f"{prefix}.{key}" if prefix else key) for key in keys]
    return [k for key, path in dotted for k in _different(a.get(key), b.get(key), path)]
