"""Score by number of virtual tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.report.cells import Line
from lopa_bench.report.figures.style import axes_grid, errorbars, legend_below, look_of
from lopa_bench.report.fill import filled
from lopa_bench.results.read import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Number of virtual tokens"
CAPTION = "Number of virtual tokens: score, mean ± standard deviation over seeds; the panels share their axes."


def figure(runs: Runs, scale: str, fast: bool = False) -> Figure | None:
    """One panel per task, one line per method, m on a logarithmic axis; None where only one length has runs."""
    table = filled("ablation_length", runs, scale, fast=fast)
    if table is None:
        return None
    lines = [line for line in table.lines if any(cell.mean is not None for cell in line.cells)]
    shown = [i for i in range(len(table.columns)) if any(line.cells[i].mean is not None for line in lines)]
    if len({line.row.settings["method.num_virtual_tokens"] for line in lines}) < 2:  # nothing to compare
        return None
    drawn, panels = axes_grid(len(shown), sharex=True, sharey=True)
    for axes, i in zip(panels, shown, strict=True):
        _panel(axes, table.lines, i, scale)
        axes.set_title(table.columns[i].label)
    panels[0].set_ylabel(table.columns[shown[0]].shown.axis)
    legend_below(drawn, panels)
    return drawn


def _panel(axes: Axes, lines: tuple[Line, ...], i: int, scale: str) -> None:
    by_method: dict[str, list[Line]] = {}
    for line in lines:
        by_method.setdefault(line.row.method, []).append(line)
    for method, own in by_method.items():
        lengths = [line.row.settings["method.num_virtual_tokens"] for line in own]
        errorbars(axes, lengths, [line.cells[i] for line in own], own[0].row.series, look_of(method, scale))
        axes.set_xscale("log")
        axes.set_xticks(lengths, [str(m) for m in lengths])
    axes.minorticks_off()
    axes.set_xlabel("virtual tokens m")
