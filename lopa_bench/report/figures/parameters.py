"""Score against trained parameters, with the Pareto front."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from lopa_bench.report.cells import Cell, Line
from lopa_bench.report.figures.labels import Box, label_points
from lopa_bench.report.figures.style import COLOURS, GREY, axes_grid
from lopa_bench.report.fill import filled
from lopa_bench.results.read import Runs
from lopa_bench.study.claims import LOPA

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Score against parameters"
CAPTION = (
    "Mean GLUE score against trained parameters, with its standard deviation over seeds. The line is the "
    "Pareto front: no method has a higher score for fewer parameters."
)
COUNTS = {"counted": "as the paper counts them", "trained": "that got gradients"}


@dataclass(frozen=True)
class Point:
    """A method's place in a panel; `error` is the standard deviation of its score, `ours` true of LOPA."""

    name: str
    parameters: float
    score: float
    error: float = 0.0
    ours: bool = False


def figure(runs: Runs, scale: str, fast: bool = False) -> Figure | None:
    """One panel per way of counting, one where both agree: mean score over the tasks that LOPA has runs of."""
    found = (filled(name, runs, scale, fast=fast) for name in ("glue", "rebuttal"))
    tables = [table for table in found if table]
    lines = {line.label: line for table in tables for line in table.lines}
    ours = [line for line in lines.values() if _is_lopa(line)]
    tasks = max(([i for i, cell in enumerate(line.cells) if cell.mean is not None] for line in ours), key=len)
    shown = [line for line in lines.values() if all(line.cells[i].mean is not None for i in tasks)]
    if not tasks or len(shown) < 2:
        return None
    points = {which: [_point(line, tasks, which) for line in shown] for which in COUNTS}
    if points["counted"] == points["trained"]:
        del points["trained"]
    drawn, panels = axes_grid(len(points), width=5.4, height=4.2, sharey=True)
    fronts = [_panel(axes, own) for axes, own in zip(panels, points.values(), strict=True)]
    for axes, which in zip(panels, points, strict=True):
        axes.set_xlabel(f"trained parameters, {COUNTS[which]}" if len(points) > 1 else "trained parameters")
    names = ", ".join(tables[0].columns[i].label for i in tasks)
    panels[0].set_ylabel(f"mean score ({names})")
    drawn.draw_without_rendering()  # lays the panels out, so that places on the page are known
    for axes, own, front in zip(panels, points.values(), fronts, strict=True):
        _label(axes, own, front)
    return drawn


def pareto_front(points: Iterable[Point]) -> list[Point]:
    """Those points that no other beats with fewer or as many parameters, cheapest first."""
    front: list[Point] = []
    for point in sorted(points, key=lambda point: (point.parameters, -point.score)):
        if not front or point.score > front[-1].score:
            front.append(point)
    return front


def _is_lopa(line: Line) -> bool:
    """As published, with whatever encoder a table names behind it."""
    return line.label.split(",")[0] == LOPA.label


def _point(line: Line, tasks: Sequence[int], which: str) -> Point:
    cells: list[Cell] = [line.cells[i] for i in tasks]
    parameters = max(getattr(cell, which) or 0.0 for cell in cells)
    score = sum(cell.mean or 0.0 for cell in cells) / len(cells)
    error = math.sqrt(sum((cell.std or 0.0) ** 2 for cell in cells)) / len(cells)  # of a mean of independent scores
    return Point(line.label, parameters, score, error, _is_lopa(line))


def _panel(axes: Axes, points: Sequence[Point]) -> list[Point]:
    """Draw the methods that train something, those that do not as a level line; the front."""
    trained = [point for point in points if point.parameters]
    front = pareto_front(trained)
    axes.set_xscale("log")
    places = [(point.parameters, point.score) for point in front]
    axes.plot(*zip(*places, strict=True), color=COLOURS[0], drawstyle="steps-post", linewidth=1.2, zorder=1)
    for point in points:
        if point.parameters:
            colour = COLOURS[1] if point.ours else COLOURS[0] if point in front else GREY
            shape = {"marker": "*", "markersize": 14} if point.ours else {"marker": "o" if point in front else "s"}
            axes.errorbar(point.parameters, point.score, point.error, color=colour, capsize=2, zorder=3, **shape)
        else:
            axes.axhline(point.score, color=GREY, linestyle=":", zorder=0)
            text = f"{point.name}: {point.score:.1f}, nothing trained"
            axes.annotate(text, (1, point.score), (0, 2), axes.get_yaxis_transform(), "offset points", ha="right")
    counts = [point.parameters for point in trained]
    axes.set_xlim(min(counts) / 3, max(counts) * 5)  # room for names
    axes.margins(y=0.1)
    return front


def _label(axes: Axes, points: Sequence[Point], front: Sequence[Point]) -> None:
    """Names where they hide no point, no other name, no error bar and no step of the front."""

    def place(x: float, y: float) -> tuple[float, float]:
        return tuple(axes.transData.transform((x, y)))

    trained = [point for point in points if point.parameters]
    lines = [
        Box.around(place(p.parameters, p.score - p.error), place(p.parameters, p.score + p.error)) for p in trained
    ]
    for a, b in pairwise(front):
        corner = place(b.parameters, a.score)
        lines += [Box.around(place(a.parameters, a.score), corner), Box.around(corner, place(b.parameters, b.score))]
    left, right = axes.get_xlim()
    levels = [point.score for point in points if not point.parameters]
    lines += [Box.around(place(left, y), place(right, y), pad=8) for y in levels]
    centres = {point.name: place(point.parameters, point.score) for point in trained}
    label_points(axes, centres, lines, bold=[point.name for point in trained if point.ours])
