"""How every figure looks: a colour-blind safe palette, a marker beside each colour, PNG and SVG."""

from __future__ import annotations

from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import matplotlib

matplotlib.use("Agg")

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe & Ito (2008): told apart with every common colour blindness, and in grey by their markers.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#9a9a9a"
METHODS = {"LOPA": 0, "IDPG": 1, "PT": 2, "LoRA": 3, "FFT": 4}  # the same colour in every figure


def look(i: int) -> dict[str, Any]:
    """Colour and marker of the i-th series."""
    return {"color": COLOURS[i % len(COLOURS)], "marker": MARKERS[i % len(MARKERS)]}


def axes_grid(columns: int, rows: int = 1, *, width: float = 3.6, height: float = 3.0) -> tuple[Figure, list[Axes]]:
    """A figure of equal panels, row by row."""
    import matplotlib.pyplot as plt

    plt.rcParams.update(
        {
            "font.size": 9,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "legend.frameon": False,
            "svg.fonttype": "none",  # text stays text
            "svg.hashsalt": "lopa-bench",  # the same figure is the same file
        }
    )
    figure, axes = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False, layout="constrained"
    )
    return figure, list(axes.ravel())


def save(figure: Figure, folder: Path, name: str) -> list[Path]:
    """Write ``name.png`` and ``name.svg``."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{name}.png", folder / f"{name}.svg"]
    figure.savefig(paths[0], dpi=160, metadata={"Software": None})
    write_svg(figure, paths[1])
    return paths


def write_svg(figure: Figure, target: Path | IO[bytes]) -> None:
    """The figure's last form: it is closed afterwards."""
    import matplotlib.pyplot as plt

    figure.savefig(target, format="svg", metadata={"Date": None})
    plt.close(figure)
