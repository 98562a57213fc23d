"""The paper's own table beside ours, where the scale is not the paper's: other models, other data, another experiment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lopa_bench.report.cells import Cell, Line, Table, mark_best
from lopa_bench.report.elsewhere import Elsewhere
from lopa_bench.study.reference import published, reference, spelled_out
from lopa_bench.study.spec import Column, Row, TableSpec
from lopa_bench.study.tables import tables

if TYPE_CHECKING:
    import pandas as pd


def reference_table(spec: TableSpec) -> Table:
    """The paper's numbers for a table: its models, its data, another experiment than ours."""
    rows = reference().query("table == @spec.reference")
    twins = [table for table in tables("paper") if table.reference == spec.reference and table.name != spec.name]
    theirs = _asked(*twins) - _asked(spec)
    rows = rows[[pair not in theirs for pair in zip(rows["method"], rows["setting"], strict=True)]]
    columns, told = _columns(spec, rows), Elsewhere()
    names = {row.method: row.series for row in spec.rows}
    others = {
        (row.method, row.reference): found for row in spec.rows if any(found := _others(row, columns, spec, told))
    }
    lines = []
    for (method, setting), group in rows.groupby(["method", "setting"], sort=False):
        values = group.set_index(["task", "metric", "model"])["value"].to_dict()
        means = [values.get((c.task, c.metric, c.model)) for c in columns]
        beside = others.pop((method, setting), None) or others.pop((method, None), ((),) * len(columns))
        if all(mean is None for mean in means):
            continue
        row = Row(f"{names.get(method, method)} {setting}".strip(), method, spelled_out(setting), setting)
        counts = dict.fromkeys(text for text in group["trainable_parameters"] if text)
        cells = (Cell(mean=mean, elsewhere=values) for mean, values in zip(means, beside, strict=True))
        lines.append(Line(row, "–".join(counts), "", tuple(cells)))
    for (method, _), beside in others.items():  # of methods that the paper has not
        lines.append(Line(Row(names[method], method), "", "", tuple(Cell(elsewhere=values) for values in beside)))
    return Table(
        name=f"{spec.name}-paper",
        scale="paper",
        title=f"{spec.title}: the paper's numbers",
        caption=f"{', '.join(rows['model'].unique())}, as published; another experiment than ours.",
        columns=columns,
        lines=mark_best(lines, columns),
        ours=False,
        notes=(
            *(f"Source: {source}." for source in rows["source"].unique()),
            *(f"Note: {text}" for text in told.notes()),
        ),
    )


def _asked(*specs: TableSpec) -> set[tuple[str, str | None]]:
    """The methods and settings of the paper's that these tables have rows for."""
    return {(row.method, row.reference) for spec in specs for row in spec.rows}


def _others(row: Row, columns: tuple[Column, ...], spec: TableSpec, told: Elsewhere) -> tuple[tuple[float, ...], ...]:
    """What others have published of a row, column by column; what is to be said of it goes into `told`."""
    return tuple(
        told.values(row, c, c.model, published(spec.reference, c.task, c.model, row.method, row.reference, c.metric))
        for c in columns
    )


def _columns(spec: TableSpec, rows: pd.DataFrame) -> tuple[Column, ...]:
    """The table's columns for which the paper has numbers, once per model."""
    several = rows.groupby("task")["model"].nunique().max() > 1
    columns = []
    for column in spec.columns:
        same = rows[(rows["task"] == column.task) & (rows["metric"] == column.metric)]
        for model in same["model"].unique():
            label = f"{column.label} ({model})" if several else column.label
            columns.append(replace(column, label=label, model=model))
    return tuple(columns)
