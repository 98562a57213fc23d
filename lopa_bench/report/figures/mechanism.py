"""What strikes back: each way of writing a prompt for an instance, its encoder frozen and trained, in the frame of PT, LoRA and FFT."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lopa_bench.report.cells import Line
from lopa_bench.report.figures.style import COLOURS, GREY, axes_grid, legend_below
from lopa_bench.report.fill import filled
from lopa_bench.results.read import Runs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "The gate or the trained encoder"
CAPTION = (
    "Every way of writing a prompt for an instance, its encoder frozen and trained, beside methods that have none; score, mean ± standard "
    "deviation over seeds. On GLUE the paper compares a LOPA whose encoder is trained with an IDPG whose encoder is frozen."
)
KINDS = {  # by method.freeze_encoder: its words, colour and marker
    False: ("encoder trained", COLOURS[1], "s"),
    True: ("encoder frozen", COLOURS[0], "o"),
    None: ("no instance encoder", GREY, "D"),
}


def figure(runs: Runs, scale: str, fast: bool = False) -> Figure | None:
    """One panel a task in which a method with an instance encoder has run, one row a method."""
    table = filled("mechanism", runs, scale, fast=fast)
    if table is None:
        return None
    compared = [line for line in table.lines if "method.freeze_encoder" in line.row.settings]
    shown = [i for i in range(len(table.columns)) if any(line.cells[i].mean is not None for line in compared)]
    lines = [line for line in table.lines if any(line.cells[i].mean is not None for i in shown)]
    names = list(dict.fromkeys(_name(line) for line in lines))
    if len(names) < 2:  # nothing to compare
        return None
    columns = min(3, len(shown))
    height = 0.8 + 0.24 * len(names)
    drawn, panels = axes_grid(columns, math.ceil(len(shown) / columns), width=2.8, height=height, sharey=True)
    for axes, i in zip(panels, shown, strict=False):
        _panel(axes, lines, i, names)
        axes.set_title(table.columns[i].label)
    for axes in panels[len(shown) :]:
        axes.set_visible(False)
    for axes, i in list(zip(panels, shown, strict=False))[-columns:]:
        axes.set_xlabel(table.columns[i].shown.axis)
    panels[0].set_yticks(range(len(names)), names)
    panels[0].set_ylim(len(names) - 0.5, -0.5)  # the first row above
    legend_below(drawn, panels)
    return drawn


def _name(line: Line) -> str:
    """The method without the words for its encoder."""
    return line.label.split(", encoder ")[0]


def _panel(axes: Axes, lines: list[Line], column: int, names: list[str]) -> None:
    for frozen, (word, colour, marker) in KINDS.items():
        known = [
            (line.cells[column], names.index(_name(line)))
            for line in lines
            if line.row.settings.get("method.freeze_encoder") is frozen and line.cells[column].mean is not None
        ]
        if known:
            cells, places = zip(*known, strict=True)
            axes.errorbar(
                [cell.mean for cell in cells],
                places,
                xerr=[cell.std or 0.0 for cell in cells],
                linestyle="none",
                color=colour,
                marker=marker,
                markersize=5,
                capsize=2,
                label=word,
            )
    axes.grid(axis="x", visible=False)
