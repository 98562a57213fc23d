"""Loss and score against steps, seeds as bands (the paper's convergence figure)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pandas as pd

from lopa_bench.report.choice import choose
from lopa_bench.report.figures.style import GREY, axes_grid, legend_below, look_of
from lopa_bench.results.history import evaluations, read_history
from lopa_bench.results.read import Runs
from lopa_bench.study import plan
from lopa_bench.study.claims import CONVERGENCE, IDPG, LOPA, PT
from lopa_bench.study.spec import Column, Row
from lopa_bench.study.tables import row_and_column

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TITLE = "Convergence"
CAPTION = (
    "Convergence: training loss, and score on the selection split, against optimiser steps; lines "
    "are means and bands the range over seeds. Panels of a row share their scores, those of a column their steps."
)
ROWS = (PT, IDPG, LOPA)
SMOOTHED = 0.05  # of a run's steps: the window of the running mean over its noisy loss

Found = list[tuple[Row, pd.DataFrame]]  # of each row that has runs with a history


def figure(runs: Runs, scale: str, fast: bool = False) -> Figure | None:
    """Loss above score for each task; None without any history."""
    columns = [row_and_column(LOPA, task, scale)[1] for task in CONVERGENCE]
    found = [(column, _found(runs, column, scale, fast)) for column in columns]
    shown = [(column, rows) for column, rows in found if rows]
    if not shown:
        return None
    drawn, panels = axes_grid(len(shown), 2, height=2.3, sharex="col", sharey="row")
    for i, (column, rows) in enumerate(shown):
        above, below = panels[i], panels[len(shown) + i]
        above.set_title(column.label)
        below.set_xlabel("optimiser steps")
        for row, frame in rows:
            _band(above, frame, _loss, row.label, look_of(row.method, scale))
            _band(below, frame, evaluations, row.label, look_of(row.method, scale))
        majority = max(frame["majority"].max() for _, frame in rows)
        below.axhline(majority, color=GREY, linestyle=":", label="majority class")
    panels[0].set_ylabel("training loss")
    panels[0].set_ylim(bottom=0)
    panels[len(shown)].set_ylabel("score on the selection split")
    legend_below(drawn, panels)
    return drawn


def _found(runs: Runs, column: Column, scale: str, fast: bool) -> Found:
    chosen = [(row, choose(runs, plan.cell(row, column, scale, fast), scale)[0]) for row in ROWS]
    kept = [(row, frame[[read_history(path) is not None for path in frame["path"]]]) for row, frame in chosen]
    return [(row, frame) for row, frame in kept if not frame.empty]


def _loss(run: pd.Series) -> pd.DataFrame:
    history = read_history(run["path"])
    assert history is not None
    rows = history[["step", "loss"]].dropna()
    window = max(1, round(SMOOTHED * len(rows)))
    smooth = rows["loss"].rolling(window, min_periods=1).mean()
    return pd.DataFrame({"step": rows["step"], "value": smooth})


def _band(
    axes: Axes,
    frame: pd.DataFrame,
    curve: Callable[[pd.Series], pd.DataFrame],
    label: str,
    style: dict[str, Any],
) -> None:
    """Draw the mean over seeds, and the range between them, at the steps that all have; `curve` gives a run's step and a value."""
    curves = [curve(run).set_axis(["step", "value"], axis=1) for _, run in frame.iterrows()]
    curves = [each for each in curves if not each.empty]
    if not curves:
        return
    by_step = pd.concat(curves).groupby("step")["value"].agg(["mean", "min", "max", "count"])
    by_step = by_step[by_step["count"] == len(curves)]  # some may have been evaluated within the epoch too
    axes.plot(by_step.index, by_step["mean"], label=label, markevery=max(1, len(by_step) // 8), markersize=4, **style)
    axes.fill_between(by_step.index, by_step["min"], by_step["max"], alpha=0.2, color=style["color"])
