"""Score against trained parameters, with the Pareto front."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lopa_bench.report.cells import Table
from lopa_bench.report.figures.style import COLOURS, GREY, axes_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Point = tuple[float, float]  # parameters, score

_COUNTS = {"counted": "as the paper counts", "trained": "that got gradients"}


def pareto_figure(filled: Sequence[Table]) -> Figure | None:
    """One panel per way of counting: mean score over the tasks that every shown method has."""
    lines = {line.label: line for table in filled for line in table.lines}
    if "LOPA" not in lines:
        return None
    tasks = [i for i, cell in enumerate(lines["LOPA"].cells) if cell.mean is not None]
    shown = {n: [line.cells[i] for i in tasks] for n, line in lines.items()}
    shown = {n: cells for n, cells in shown.items() if all(c.mean is not None for c in cells)}
    if not tasks or len(shown) < 2:
        return None
    figure, panels = axes_grid(2, width=5.2, height=4.2)
    points: list[dict[str, Point]] = []
    for axes, (which, words) in zip(panels, _COUNTS.items(), strict=True):
        counted = {
            name: (
                max(getattr(cell, which) or 0.0 for cell in cells),
                sum(cell.mean or 0.0 for cell in cells) / len(cells),
            )
            for name, cells in shown.items()
        }
        points.append(_panel(axes, counted))
        axes.set_xlabel(f"parameters {words}")
    names = ", ".join(filled[0].columns[i].label for i in tasks)
    panels[0].set_ylabel(f"mean score ({names})")
    figure.canvas.draw()  # lays the panels out, so that places on the page are known
    for axes, labelled in zip(panels, points, strict=True):
        _label(axes, labelled)
    return figure


def pareto_front(points: Iterable[Point]) -> list[Point]:
    """Those points that no other beats with fewer or as many parameters, cheapest first."""
    front: list[Point] = []
    for x, y in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or y > front[-1][1]:
            front.append((x, y))
    return front


def _panel(axes: Axes, points: Mapping[str, Point]) -> dict[str, Point]:
    """The points that stand in it: those of methods that train something; the others' scores are told in a corner."""
    trained = {name: point for name, point in points.items() if point[0] > 0}
    front = pareto_front(trained.values())
    axes.set_xscale("log")
    axes.plot(*zip(*front, strict=True), color=COLOURS[0], drawstyle="steps-post", zorder=1)
    for point in trained.values():
        axes.scatter(*point, s=32, zorder=2, **_BEST if point in front else _DOMINATED)
    untouched = [f"{name} (untouched): {score:.1f}" for name, (count, score) in points.items() if count == 0]
    axes.text(0.98, 0.02, "\n".join(untouched), transform=axes.transAxes, ha="right", va="bottom", fontsize=8)
    axes.margins(x=0.2, y=0.12)
    return trained


_BEST: dict[str, Any] = {"color": COLOURS[0], "marker": "o"}
_DOMINATED: dict[str, Any] = {"color": GREY, "marker": "s"}


def _label(axes: Axes, points: Mapping[str, Point], size: float = 8) -> None:
    """Names beside their points, at the first place that hides no point and no other name (widths are estimated)."""
    from matplotlib.patheffects import withStroke

    em = axes.figure.dpi / 72 * size  # pixels
    centres = {name: tuple(axes.transData.transform(point)) for name, point in points.items()}
    taken = [_box(x, y, 0.8 * em, 0.8 * em) for x, y in centres.values()]
    for name, (x, y) in sorted(centres.items(), key=lambda item: -item[1][1]):
        width = 0.62 * em * len(name)
        sides = (0.8 * em + width / 2, -0.8 * em - width / 2)
        places = [(dx, dy * em) for dy in (0, 0.7, -0.7, 1.4, -1.4, 2.1, -2.1, 3, -3) for dx in sides]
        boxes = [_box(x + dx, y + dy, width, 1.1 * em) for dx, dy in places]
        free = [i for i, box in enumerate(boxes) if not any(_overlap(box, other) for other in taken)]
        chosen = free[0] if free else 0
        taken.append(boxes[chosen])
        dx, dy = places[chosen]
        offset = dx * 72 / axes.figure.dpi, dy * 72 / axes.figure.dpi
        halo = [withStroke(linewidth=2.5, foreground="white")]
        axes.annotate(
            name,
            points[name],
            offset,
            textcoords="offset points",
            fontsize=size,
            ha="center",
            va="center",
            path_effects=halo,
        )


def _box(x: float, y: float, width: float, height: float) -> tuple[float, float, float, float]:
    return x - width / 2, x + width / 2, y - height / 2, y + height / 2


def _overlap(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[1] and b[0] < a[1] and a[2] < b[3] and b[2] < a[3]
