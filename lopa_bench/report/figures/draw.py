"""All figures; here rank and prompt length, drawn from filled tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lopa_bench.report.cells import Cell, Table
from lopa_bench.report.figures.curves import convergence
from lopa_bench.report.figures.offsets import offset_figures
from lopa_bench.report.figures.pareto import pareto_figure
from lopa_bench.report.figures.style import METHODS, axes_grid, look, save
from lopa_bench.report.fill import build_tables
from lopa_bench.results.read import Runs
from lopa_bench.study.spec import Column, family
from lopa_bench.study.tables import tables

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Drawing:
    """A finished figure, its file name and what it shows."""

    name: str
    caption: str
    figure: Figure


def draw(runs: Runs, scale: str, *, fast: bool = False) -> list[Drawing]:
    """Every figure for which there are runs."""

    def table(name: str) -> Table:
        return build_tables(tables(scale, [name]), runs, scale, fast=fast)[0]

    wanted: list[tuple[str, str, Callable[[], Figure | None]]] = [
        ("rank", _RANK, lambda: rank_figure(table("ablation_rank"))),
        ("length", _LENGTH, lambda: length_figure(table("ablation_length"))),
        ("convergence", _CONVERGENCE, lambda: convergence(runs, scale, fast)),
        ("parameters", _PARETO, lambda: pareto_figure([table("glue"), table("rebuttal")])),
        *((f"offsets-{task}", _OFFSETS, make) for task, make in offset_figures(runs, scale, fast)),
    ]
    drawn = [(name, caption, make()) for name, caption, make in wanted]
    note = " FAST: fewer rows, one seed." if fast else ""
    return [Drawing(name, caption + note, figure) for name, caption, figure in drawn if figure]


def draw_figures(runs: Runs, scale: str, folder: Path, *, fast: bool = False) -> list[Path]:
    """Write every figure as PNG and SVG; the paths."""
    drawings = draw(runs, scale, fast=fast)
    return [path for d in drawings for path in save(d.figure, folder, d.name)]


_RANK = (
    "Rank of LOPA (the paper's Figure 4): lines are scores, mean ± standard deviation over seeds; "
    "bars are parameters as the paper counts them."
)
_LENGTH = "Number of virtual tokens: score, mean ± standard deviation over seeds."
_CONVERGENCE = (
    "Convergence: training loss, and score on the selection split, against optimiser steps; lines "
    "are means and bands the range over seeds."
)
_PARETO = (
    "Mean GLUE score against trained parameters, as the paper counts them and as they truly got "
    "gradients. The line is the Pareto front: no method has a higher score for fewer parameters."
)
_OFFSETS = (
    "LOPA's instance part Z_I over test examples: principal components by class, spectrum, "
    "effective rank, gate values, and how far the prompt turns from the task part Z_S."
)


def rank_figure(table: Table) -> Figure | None:
    """One panel per model: a bar and a point per rank and task."""
    groups = [[c for c in table.columns if _panel(c) == name] for name in _panels(table)]
    groups = [columns for columns in groups if any(_filled(table, columns))]
    if not groups:
        return None
    figure, panels = axes_grid(len(groups))
    for axes, columns in zip(panels, groups, strict=True):
        _rank_panel(axes, table, columns)
    return figure


def _rank_panel(axes: Axes, table: Table, columns: Sequence[Column]) -> None:
    ranks = [_number(line.label) for line in table.lines]
    places = range(len(ranks))
    bars = axes.twinx()
    counted = [next((c.counted for c in _cells(table, i, columns) if c.counted), 0.0) for i in places]
    bars.bar(places, [value / 1e3 for value in counted], color="#dddddd", width=0.55)
    bars.set_ylabel("parameters (thousands)", color="#666666")
    bars.spines["right"].set_visible(True)
    axes.set_zorder(bars.get_zorder() + 1)  # lines before bars
    axes.patch.set_visible(False)
    for i, column in enumerate(columns):
        _errorbars(axes, places, [_cell(table, j, column) for j in places], column.label, i)
    axes.set_xticks(list(places), [str(rank) for rank in ranks])
    axes.set_xlabel("rank r")
    axes.set_ylabel(_score_label(columns[0]))
    axes.margins(y=0.25)
    axes.legend(loc="lower right")


def length_figure(table: Table) -> Figure | None:
    """One panel per task, one line per method, m on a logarithmic axis."""
    columns = [column for column in table.columns if any(_filled(table, [column]))]
    if not columns:
        return None
    figure, panels = axes_grid(len(columns))
    methods = list(dict.fromkeys(line.label.split(" m=")[0] for line in table.lines))
    for axes, column in zip(panels, columns, strict=True):
        for method in methods:
            lines = [i for i, t in enumerate(table.lines) if t.label.startswith(f"{method} m=")]
            lengths = [_number(table.lines[i].label) for i in lines]
            cells = [_cell(table, i, column) for i in lines]
            _errorbars(axes, lengths, cells, method, METHODS[method])
            axes.set_xscale("log")
            axes.set_xticks(lengths, [str(m) for m in lengths])
            axes.minorticks_off()
        axes.set_title(column.label)
        axes.set_xlabel("virtual tokens m")
        axes.set_ylabel(_score_label(column))
    panels[0].legend()
    return figure


def _errorbars(axes: Axes, x: Iterable[float], cells: Sequence[Cell], label: str, i: int) -> None:
    known = [(place, cell) for place, cell in zip(x, cells, strict=True) if cell.mean is not None]
    if known:
        places, kept = zip(*known, strict=True)
        spread = [cell.std or 0.0 for cell in kept]
        means = [cell.mean for cell in kept]
        axes.errorbar(places, means, yerr=spread, label=label, capsize=2, markersize=5, **look(i))


def _cell(table: Table, line: int, column: Column) -> Cell:
    return table.lines[line].cells[table.columns.index(column)]


def _cells(table: Table, line: int, columns: Sequence[Column]) -> list[Cell]:
    return [_cell(table, line, column) for column in columns]


def _filled(table: Table, columns: Sequence[Column]) -> Iterable[bool]:
    lines = range(len(table.lines))
    return (cell.mean is not None for i in lines for cell in _cells(table, i, columns))


def _panels(table: Table) -> list[str]:
    return list(dict.fromkeys(_panel(column) for column in table.columns))


def _panel(column: Column) -> str:
    """Columns whose runs have the same model, hence the same parameters."""
    return f"{family(column.task)} {column.model or ''}"


def _score_label(column: Column) -> str:
    return {"glue": "GLUE score", "pass@1": "pass@1 (%)"}.get(column.metric, column.metric)


def _number(label: str) -> int:
    """``4`` of ``LOPA r=4``."""
    return int(re.findall(r"=(\d+)", label)[-1])
