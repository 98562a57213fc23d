"""The paper's own table beside ours, where the scale is not the paper's: other models, other data, another experiment."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from lopa_bench.report.cells import Cell, Line, Table, mark_best
from lopa_bench.study.reference import reference, spelled_out
from lopa_bench.study.spec import Column, Row, TableSpec

if TYPE_CHECKING:
    import pandas as pd


def reference_table(spec: TableSpec) -> Table:
    """The paper's numbers for a table: its models, its data, another experiment than ours."""
    rows = reference().query("table == @spec.reference")
    if spec.reference == "glue":  # two of our tables share these cells
        wanted = {(row.method, row.reference) for row in spec.rows}
        rows = rows[[pair in wanted for pair in zip(rows["method"], rows["setting"], strict=True)]]
    columns = _columns(spec, rows)
    names = {row.method: row.series for row in spec.rows}
    lines = []
    for (method, setting), group in rows.groupby(["method", "setting"], sort=False):
        values = group.set_index(["task", "metric", "model"])["value"].to_dict()
        cells = tuple(Cell(mean=values.get((c.task, c.metric, c.model))) for c in columns)
        row = Row(f"{names.get(method, method)} {setting}".strip(), method, spelled_out(setting), setting)
        if all(cell.mean is None for cell in cells):
            continue
        counts = dict.fromkeys(text for text in group["trainable_parameters"] if text)
        lines.append(Line(row, "–".join(counts), "", cells))
    return Table(
        name=f"{spec.name}-paper",
        title=f"{spec.title}: the paper's numbers",
        caption=f"{', '.join(rows['model'].unique())}, as published; another experiment than ours.",
        columns=columns,
        lines=mark_best(lines, columns),
        ours=False,
        notes=tuple(f"Source: {source}." for source in rows["source"].unique()),
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
