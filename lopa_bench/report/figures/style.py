"""How every figure looks: a colour-blind safe palette, a marker beside each colour, PNG and SVG."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import matplotlib
from matplotlib.figure import Figure
from PIL import Image

from lopa_bench.host.files import make_folder, writing
from lopa_bench.report.cells import Cell
from lopa_bench.study.tables import every

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe & Ito (2008): told apart with every common colour blindness, and in grey by their markers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "<", "p", ">")  # each told hollow from filled at small sizes; one more than colours
GREY = "#8a8a8a"
DPI = 160
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e8e8e8",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "lopa-bench",  # the same figure is the same file
}


def styled() -> AbstractContextManager[None]:
    """Within it figures are drawn and written so; a notebook around it keeps its own style and backend."""
    return matplotlib.rc_context(STYLE)


def look(i: int) -> dict[str, Any]:
    """Colour and marker of the i-th series."""
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}


def look_of(method: str, scale: str) -> dict[str, Any]:
    """Colour and marker of a method, the same in every figure: by its place in the first table, the last row first."""
    methods = [row.method for row in reversed(every(scale)[0].rows)]
    return look(methods.index(method) if method in methods else len(methods))


def axes_grid(
    columns: int, rows: int = 1, *, width: float = 3.4, height: float = 2.8, **options: Any
) -> tuple[Figure, list[Axes]]:
    """A figure of panels, row by row; `options` are those of ``Figure.subplots``."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **options).ravel())


def legend_below(figure: Figure, panels: Iterable[Axes], columns: int = 6) -> None:
    """One legend under all panels, each series once."""
    found = [axes.get_legend_handles_labels() for axes in panels]
    by_label = {label: handle for handles, labels in found for handle, label in zip(handles, labels, strict=True)}
    figure.legend(by_label.values(), by_label, loc="outside lower center", ncols=min(columns, len(by_label)))


def errorbars(axes: Axes, x: Sequence[float], cells: Sequence[Cell], label: str, style: dict[str, Any]) -> None:
    """A line through the filled cells: mean ± standard deviation over seeds."""
    known = [(place, cell) for place, cell in zip(x, cells, strict=True) if cell.mean is not None]
    if known:
        places, kept = zip(*known, strict=True)
        spread = [cell.std or 0.0 for cell in kept]
        axes.errorbar(places, [cell.mean for cell in kept], spread, label=label, capsize=2, markersize=5, **style)


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``name.png`` and ``name.svg``."""
    make_folder(folder)
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    drawn = io.BytesIO()
    with styled():
        figure.savefig(drawn, format="png", dpi=DPI)
    with writing(paths[0]) as png:  # 256 colours show it as well, in a third of the bytes
        Image.open(drawn).convert("RGB").quantize(256).save(png, "PNG", optimize=True, dpi=(DPI, DPI))
    with writing(paths[1]) as svg:
        write_svg(figure, svg)
    return paths


def write_svg(figure: Figure, target: Path | IO[bytes]) -> None:
    """Write the figure as SVG."""
    with styled():
        figure.savefig(target, format="svg", metadata={"Date": None})
