"""Fill declared tables with finished runs: mean and standard deviation over seeds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from lopa_bench.config.keys import lookup
from lopa_bench.report.cells import Cell, Line, Table, mark_best, span
from lopa_bench.report.choice import choose
from lopa_bench.report.differing import train_rows
from lopa_bench.report.elsewhere import Elsewhere
from lopa_bench.report.paper_table import reference_table
from lopa_bench.results.read import Runs
from lopa_bench.study import plan
from lopa_bench.study.commands import commands
from lopa_bench.study.estimate import Estimate, describe
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.reference import published
from lopa_bench.study.spec import Column, Row, TableSpec, default_model
from lopa_bench.study.tables import tables
from lopa_bench.tasks.known import known


def build_tables(
    specs: Iterable[TableSpec],
    runs: Runs,
    scale: str,
    *,
    fast: bool = False,
) -> list[Table]:
    """Fill each table; at a scale that is not the paper's, its own numbers follow as a table apart.

    Args:
        fast: show the runs with fewer rows and epochs that FAST plans, and say so.
    """
    estimate = Estimate(runs, scale)
    built = []
    for spec in specs:
        built.append(_Filler(spec, runs, scale, fast).table(estimate))
        if spec.reference and scale != "paper":
            built.append(reference_table(spec))
    return built


def filled(name: str, runs: Runs, scale: str, *, fast: bool = False) -> Table | None:
    """The table of this name, for a figure; None where the scale has none."""
    spec = next((table for table in tables(scale) if table.name == name), None)
    return _Filler(spec, runs, scale, fast).table(Estimate(runs, scale)) if spec else None


@dataclass
class _Filler:
    """One table being filled, and what is learnt on the way."""

    spec: TableSpec
    runs: Runs
    scale: str
    fast: bool
    used: list[int] = field(default_factory=list)  # rows of the runs' frame
    missing: list[PlannedRun] = field(default_factory=list)
    notes: dict[str, dict[str, list[str]]] = field(default_factory=dict)  # text -> row -> columns that it is about
    elsewhere: Elsewhere = field(default_factory=Elsewhere)

    def table(self, estimate: Estimate) -> Table:
        lines = [self.line(row) for row in self.spec.rows]
        missing = plan.distinct(self.missing)
        return Table(
            name=self.spec.name,
            scale=self.scale,
            title=self.spec.title,
            caption=self.caption(),
            columns=self.spec.columns,
            lines=mark_best(lines, self.spec.columns),
            notes=tuple(self.noted()),
            commands=tuple(commands(missing)),
            estimate=describe(map(estimate.seconds, missing)) if missing else "",
        )

    def line(self, row: Row) -> Line:
        cells = tuple(self.cell(row, column) for column in self.spec.columns)
        counted, trained = span(c.counted for c in cells), span(c.trained for c in cells)
        return Line(row, counted, trained, cells)

    def cell(self, row: Row, column: Column) -> Cell:
        planned = plan.cell(row, column, self.scale, self.fast)
        found, note = choose(self.runs, planned, self.scale)
        published = self.published(row, column)
        if found.empty:
            self.missing.append(planned.among(self.runs.given, self.scale))
            return published
        if note:
            self.note(row, column, note)
        self.used += found.index.tolist()
        scores = [m[column.metric] for m in found["metrics"] if column.metric in m]
        if not scores:
            self.note(row, column, "not scored by this metric.")
            return published
        first = found.iloc[0]  # what follows is the same for every seed
        return replace(
            published,
            mean=float(np.mean(scores)),
            std=float(np.std(scores, ddof=1)) if len(scores) > 1 else None,
            n=len(scores),
            counted=int(first["paper_parameters"]),
            trained=int(first["trained_parameters"]),
            model=first["model"],
            encoder=first["encoder"] if isinstance(first["encoder"], str) else "",
        )

    def note(self, row: Row, column: Column, text: str) -> None:
        self.notes.setdefault(text, {}).setdefault(row.label, []).append(column.label)

    def noted(self) -> Iterator[str]:
        """Every note once: ``PT, RTE, MRPC; LOPA, RTE: …``."""
        for text, rows in self.notes.items():
            cells = "; ".join(f"{row}, {', '.join(columns)}" for row, columns in rows.items())
            yield f"{cells}: {text}"
        if differing := list(self.computed()):
            yield f"The runs differ in {'; '.join(differing)}: rounding differs with them."
        yield from self.trained_on()
        yield from self.elsewhere.notes()

    def computed(self) -> Iterator[str]:
        """How the runs were computed, in what they differ: ``processes (1, 2)``."""
        shown = self.runs.frame.loc[self.used]
        for word, key in {"processes": "processes", "device": "device", "precision": "computed_in"}.items():
            values = set(shown[key].dropna())
            if len(values) > 1:
                yield f"{word} ({', '.join(map(str, sorted(values)))})"

    def trained_on(self) -> Iterator[str]:
        """The tasks whose runs of one seed were trained on as many rows, but not on the same."""
        read: dict[tuple[str, str, int], set[str]] = {}
        for _, run in self.runs.frame.loc[self.used].iterrows():
            for words, rows in train_rows(run["config"]["data"]).items():
                read.setdefault((run["task"], words, run["seed"]), set()).update(filter(None, [rows]))
        several = [
            (f"{task}: its runs were trained on different {words}", sorted(prints))
            for (task, words, _), prints in read.items()
            if len(prints) > 1
        ]
        for text, prints in dict(several).items():
            yield f"{text} ({', '.join(prints)})."

    def published(self, row: Row, column: Column) -> Cell:
        """The values of the paper and of others, only where ours is the same experiment and the table has the paper's."""
        table = self.spec.reference
        if self.scale != "paper" or table is None:
            return Cell()
        model = column.model or default_model(self.scale, column.task)
        paper = published(table, column.task, model, row.method, row.reference, column.metric)
        return Cell(reference=paper, elsewhere=self.elsewhere.values(row, column, model, paper))

    def caption(self) -> str:
        """The choices that change a number."""
        words, shown = [f"Scale {self.scale}"], self.runs.frame.loc[self.used]
        for key, text in (
            ("model", "model"),
            ("encoder", "instance encoder"),
            ("selection", "epoch selected by"),
            ("reported_split", "reported on"),
        ):
            values = set(shown[key].dropna())
            words += [f"{text} {', '.join(sorted(values))}"] if values else []
        for key in ("data.train_limit", "data.limit"):
            words += _limited(key, {(run["task"], lookup(run["config"], key)) for _, run in shown.iterrows()})
        text = "; ".join(words) + "."
        rows = sorted({known(column.task).about.fast_rows for column in self.spec.columns})
        fast = f"FAST: {' or '.join(map(str, rows))} rows per split, {plan.FAST_EPOCHS} epochs, one seed. "
        return (fast if self.fast else "") + text


def _limited(key: str, limits: set[tuple[str, int | None]]) -> Iterator[str]:
    """To how many rows a setting kept the runs of tasks, and of which it kept none; nothing where it kept no run."""
    kept, whole = ({task for task, limit in limits if (limit is None) is none} for none in (False, True))
    if kept:
        numbers = " or ".join(str(limit) for limit in sorted({limit for _, limit in limits if limit is not None}))
        parts = ((whole - kept, "all rows"), (whole & kept, "or all rows"))
        said = "; ".join(f"{', '.join(sorted(tasks))}: {rows}" for tasks, rows in parts if tasks)
        yield f"{key}={numbers}" + (f" ({said})" if said else "")
