"""Score and parameters by rank (the paper's Figure 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.report.cells import Line
from lopa_bench.report.figures.style import GREY, axes_grid, errorbars, legend_below, look
from lopa_bench.report.fill import filled
from lopa_bench.results.read import Runs
from lopa_bench.study.spec import Column
from lopa_bench.tasks.known import known

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Rank"
CAPTION = (
    "Rank of LOPA (the paper's Figure 4): scores, mean ± standard deviation over seeds, and below them "
    "the parameters as the paper counts them."
)

Series = tuple[int, Column]  # a column of the table, and its place in it


def figure(runs: Runs, scale: str, fast: bool = False) -> Figure | None:
    """Scores above parameters, for each model that has runs; None where only one rank has."""
    table = filled("ablation_rank", runs, scale, fast=fast)
    if table is None:
        return None
    lines = tuple(line for line in table.lines if any(cell.mean is not None for cell in line.cells))
    groups: dict[tuple[str, str | None], list[Series]] = {}
    for i, column in enumerate(table.columns):
        if any(line.cells[i].mean is not None for line in lines):
            groups.setdefault((column.metric, column.model), []).append((i, column))
    if len(lines) < 2:  # nothing to compare
        return None
    drawn, panels = axes_grid(len(groups), 2, height=2.2, sharex=True, height_ratios=(3, 1))
    tasks = list(dict.fromkeys(column.task for column in table.columns))
    for j, group in enumerate(groups.values()):
        above, below = panels[j], panels[len(groups) + j]
        _scores(above, lines, group, tasks)
        _parameters(below, lines, group)
    legend_below(drawn, panels)
    return drawn


def _scores(axes: Axes, lines: tuple[Line, ...], group: list[Series], tasks: list[str]) -> None:
    for i, column in group:
        cells = [line.cells[i] for line in lines]
        errorbars(axes, range(len(lines)), cells, known(column.task).title, look(tasks.index(column.task)))
    _, first = group[0]
    axes.set_title(first.model or "")
    axes.set_ylabel(first.shown.axis)


def _parameters(axes: Axes, lines: tuple[Line, ...], group: list[Series]) -> None:
    cells = [next((line.cells[i] for i, _ in group if line.cells[i].counted), None) for line in lines]
    known = {place: cell.counted / 1e3 for place, cell in enumerate(cells) if cell is not None and cell.counted}
    bars = axes.bar(list(known), list(known.values()), color=GREY, width=0.5)
    axes.bar_label(bars, fmt="%.1f", padding=1, fontsize=8)
    axes.margins(y=0.35)
    axes.set_ylabel("parameters\n(thousands)")
    axes.set_xticks(range(len(lines)), [str(line.row.settings["method.rank"]) for line in lines])
    axes.set_xlabel("rank r")
    axes.grid(visible=False)
