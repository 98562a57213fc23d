"""The figures, one file each: a TITLE, a CAPTION and a function ``figure(runs, scale, fast)``, which gives None without runs to show."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lopa_bench.results.read import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = ("mechanism", "parameters", "rank", "length", "convergence", "offsets")  # in the order of a page


@dataclass(frozen=True)
class Drawing:
    """A finished figure, its file name, its title and what it shows."""

    name: str
    title: str
    caption: str
    figure: Figure


def draw(runs: Runs, scale: str, *, fast: bool = False) -> list[Drawing]:
    """Every figure for which there are runs."""
    from lopa_bench.report.figures.style import styled

    modules = {name: importlib.import_module(f"{__name__}.{name}") for name in FIGURES}
    with styled():
        drawn = {name: module.figure(runs, scale, fast) for name, module in modules.items()}
    note = " FAST: fewer rows and epochs, one seed." if fast else ""
    return [
        Drawing(name, modules[name].TITLE, modules[name].CAPTION + note, figure)
        for name, figure in drawn.items()
        if figure
    ]


def draw_figures(runs: Runs, scale: str, folder: Path, *, fast: bool = False) -> list[Path]:
    """Write every figure as PNG and SVG; the paths."""
    from lopa_bench.report.figures.style import save

    return [path for d in draw(runs, scale, fast=fast) for path in save(d.figure, folder, d.name)]
