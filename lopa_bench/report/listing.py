"""Every run of a folder as a line, those that fit no table of the paper too, and where all of them come from."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lopa_bench.config import files
from lopa_bench.config.keys import fits, lookup
from lopa_bench.config.quoting import override
from lopa_bench.report.cells import count
from lopa_bench.report.choice import by_rank_of
from lopa_bench.results.read import Runs
from lopa_bench.study import plan, second
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.settings import seeds_of_looks
from lopa_bench.study.tables import tables
from lopa_bench.tasks.known import known
from lopa_bench.tasks.places import own_files

FROZEN = "method.freeze_encoder"
FIELDS = {  # as printed -> of ListedRun
    "task": "task",
    "method": "method",
    "model": "model",
    "not the recipe's": "differs",
    "score": "score",
    "seeds": "seeds",
    "counted": "counted",
    "trained": "trained",
    "seconds": "seconds",
    "MiB": "memory",
    "date": "finished",
    "table": "table",
}


@dataclass(frozen=True)
class ListedRun:
    """The runs of one setting.

    Attributes:
        differs: the overrides of what is not at the recipe's value, ``train.lr=0.5``, ``method.rank=2``; the rest is.
        score, deviation: mean and sample standard deviation of the headline metric over seeds (None: one seed).
        counted, trained: parameters as the paper counts them, and those that got gradients.
        seconds, memory: of one run, the mean and the most in MiB. finished: when the newest was.
        table: whether a table of the study shows it. folders: where the runs are, in the order of their seeds.
    """

    task: str
    method: str
    model: str
    differs: tuple[str, ...]
    metric: str
    score: float | None
    deviation: float | None
    seeds: tuple[int, ...]
    counted: int | None
    trained: int | None
    seconds: float | None
    memory: float | None
    finished: str
    table: bool
    folders: tuple[str, ...]

    def values(self) -> dict[str, Any]:
        """Every field, for programs."""
        return {
            **asdict(self),
            "differs": " ".join(self.differs),
            "seeds": " ".join(map(str, self.seeds)),
            "folders": shlex.join(self.folders),
        }

    def texts(self) -> list[str]:
        """The fields as printed, in the order of FIELDS."""
        spread = f" ± {self.deviation:.2f}" if self.deviation is not None else ""
        shown = {
            "score": "" if self.score is None else f"{self.score:.2f}{spread}",
            "differs": " ".join(self.differs),
            "seeds": ",".join(map(str, self.seeds)),
            **{name: _text(getattr(self, name), count) for name in ("counted", "trained")},
            **{name: _text(getattr(self, name), "{:.0f}".format) for name in ("seconds", "memory")},
            "finished": self.finished[:10],
            "table": "yes" if self.table else "no",
        }
        return [str(shown.get(name, getattr(self, name))) for name in FIELDS.values()]


def list_runs(runs: Runs, scale: str) -> list[ListedRun]:
    """One line a setting, in the order of task, method and what differs."""
    shown = in_tables(runs, scale)
    groups = runs.frame.groupby(["task", "method", "model", "setting"], sort=True)
    listed = [_listed(frame, scale, shown) for _, frame in groups]
    return sorted(listed, key=lambda run: (run.task, run.method, run.differs))


def in_tables(runs: Runs, scale: str, fast: bool = False) -> set[int]:
    """The places in the frame of the runs that have the settings of some table's cell, with `fast` those of a fast plan."""
    cells = plan.planned_runs(tables(scale), scale, fast)
    return {place for cell in cells for place in runs.places(cell.selector(scale)).tolist()}


def planned(runs: Runs, scale: str) -> list[Path]:
    """The ``result.json`` of the runs that a plan asks for: a cell's, on the recipe, of a seed that a look or the second study may want."""
    cells = plan.planned_runs(tables(scale), scale)
    looked_at = [replace(cell, seeds=tuple(range(seeds_of_looks(cell.overrides, scale)[-1]))) for cell in cells]
    anew = [second.anew(cell, second.CLOSER[cell.task]) for cell in cells if second.seeds(scale, cell.task)]
    return _of([*looked_at, *anew], runs, scale)


def examples(runs: Runs, scale: str) -> list[Path]:
    """Those of seed 0 of each table's first task, every method as the recipe has it: enough to export, serve and try each from."""
    rows = ((row, table.columns[0]) for table in tables(scale) for row in table.rows if not row.settings)
    cells = plan.distinct(plan.cell(row, column, scale) for row, column in rows)
    return _of([replace(cell, seeds=(0,)) for cell in cells], runs, scale)


def with_prompts(runs: Runs, scale: str) -> set[Path]:
    """Those of seed 0 whose prompts the figure of the offsets draws."""
    main, *others = tables(scale)
    columns = main.columns if any(table.name == "ablation_rank" for table in others) else ()
    drawn = {path for column in columns for _, paths in by_rank_of(runs, column, scale) for path in paths}
    return drawn & set(runs.frame.loc[runs.frame["seed"] == 0, "path"])


def _of(cells: Iterable[PlannedRun], runs: Runs, scale: str) -> list[Path]:
    found = {
        place: runs.frame.iloc[place]
        for cell in cells
        for place in cell.places(runs, scale)
        if runs.frame.iloc[place]["seed"] in cell.seeds
    }
    return sorted(run["path"] for run in found.values())


def unlisted(runs: Runs, scale: str, fast: bool = False) -> list[str]:
    """A line that says how many runs no table shows, if there are any."""
    rest = len(runs.frame) - len(in_tables(runs, scale, fast))
    return [f"{rest} run{'s fit' if rest > 1 else ' fits'} no table of the paper: lopa-bench runs"] if rest else []


def provenance(runs: Runs) -> list[tuple[str, str]]:
    """How many runs there are, when, by which version and commit, and on what they were made, the most frequent first."""
    frame = runs.frame
    if frame.empty:
        return [("runs", "0")]
    dates = sorted(str(date)[:10] for date in frame["finished"].dropna())
    facts = {
        "runs": f"{len(frame):,}",
        "made": " to ".join(dict.fromkeys((dates[0], dates[-1]))) if dates else "",
        "commit": _most(frame["commit"].str[:12]),
        "versions": _most(frame["versions"]),
        "device": _most(frame["device"]),
    }
    return [(name, value) for name, value in facts.items() if value]


def _listed(frame: pd.DataFrame, scale: str, shown: set[int]) -> ListedRun:
    frame = frame.drop_duplicates("seed").sort_values("seed")
    first = frame.iloc[0]
    scores = frame["score"].dropna().astype(float)
    return ListedRun(
        task=first["task"],
        method=first["method"],
        model=first["model"],
        differs=_differs(first, scale),
        metric=first["metric"],
        score=float(scores.mean()) if len(scores) else None,
        deviation=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
        seeds=tuple(int(seed) for seed in frame["seed"]),
        counted=_known(first["paper_parameters"]),
        trained=_known(first["trained_parameters"]),
        seconds=_known(frame["seconds"].mean()),
        memory=_known(frame["memory"].max()),
        finished=max(frame["finished"].dropna().astype(str), default=""),
        table=any(index in shown for index in frame.index),
        folders=tuple(str(Path(path).parent) for path in frame["path"]),
    )


def _differs(run: Mapping[str, Any], scale: str) -> tuple[str, ...]:
    """What of a run's settings is not at the value of a run that is told none, as overrides."""
    told = {"task": run["task"], "method": run["method"], "model": run["model"]}
    expected = _settings(told, scale)
    frozen = lookup(run["config"], FROZEN)
    if frozen is not None and frozen != expected[FROZEN]:  # runs that train their encoder have a recipe of their own
        expected = {**_settings({**told, FROZEN: frozen}, scale), FROZEN: expected[FROZEN]}
    own = {key: _known(run[key]) if key in run else lookup(run["config"], key) for key in expected}
    named = _files(run["task"], run["config"]["data"])
    own |= {"data.source": expected["data.source"]} if named and "data.source" in own else {}  # naming a file says it
    told = {key: own[key] for key, value in expected.items() if not fits(own[key], value)} | named
    told |= {"data.skip_broken": True} if any((lookup(run["config"], "data.left_out") or {}).values()) else {}
    if run["kind"] == "causal" and "task.template" in told and "causal_template" in files.read(f"task/{run['task']}"):
        told["task.causal_template"] = told.pop("task.template")  # what a causal LM is asked in its place
    return tuple(override(key, value) for key, value in told.items())


def _files(name: str, read: Mapping[str, Any]) -> dict[str, str]:
    """The files that a run was told, as overrides: in place of its task's, or where that has none."""
    task = known(name)
    own = own_files(task, read) if not task.is_own else read["files"]
    return {f"data.{split}": file for split, file in (own or {}).items()}


def _settings(told: Mapping[str, Any], scale: str) -> dict[str, Any]:
    """All settings of a run that is told just this."""
    usual = PlannedRun(told, ())
    return {**usual.recipe(scale), **usual.selector(scale)}


def _known(value: Any) -> Any:
    """A value of the frame as Python's own; None where the run does not tell it."""
    return None if value is None or pd.isna(value) else getattr(value, "item", lambda: value)()


def _text(value: float | None, form: Any) -> str:
    return "" if value is None else str(form(value))


def _most(values: pd.Series, most: int = 3) -> str:
    """The most frequent ones: ``abc (12 runs), def (3 runs)``; without numbers where there is only one."""
    counts = Counter(values.dropna().astype(str)).most_common()
    if len(counts) == 1:
        return str(counts[0][0])
    shown = [f"{value} ({n} runs)" for value, n in counts[:most]]
    return ", ".join([*shown, *([f"and {len(counts) - most} more"] if len(counts) > most else [])])
