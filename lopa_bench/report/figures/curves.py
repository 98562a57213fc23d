"""Convergence: loss and score against steps, seeds as bands (the paper's convergence figure)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from lopa_bench.report.choice import choose
from lopa_bench.report.figures.style import GREY, METHODS, axes_grid, look
from lopa_bench.results.history import evaluations, read_history
from lopa_bench.results.read import Runs
from lopa_bench.study import plan
from lopa_bench.study.spec import Column, Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TASKS = ("qqp", "qnli", "mnli")
ROWS = (Row("PT", "pt"), Row("IDPG", "idpg"), Row("LOPA", "lopa"))
SMOOTHED = 0.05  # of a run's steps: the window of the running mean over its noisy loss


def convergence(runs: Runs, scale: str, fast: bool = False) -> Figure | None:
    """Two rows of panels, loss above score; None without any history."""
    found = {task: {row.label: _runs_of(runs, row, task, scale, fast) for row in ROWS} for task in TASKS}
    shown = [task for task in TASKS if any(not frame.empty for frame in found[task].values())]
    if not shown:
        return None
    figure, panels = axes_grid(len(shown), 2)
    for i, task in enumerate(shown):
        above, below = panels[i], panels[len(shown) + i]
        for label, frame in found[task].items():
            if not frame.empty:
                _band(above, [_loss(run) for _, run in frame.iterrows()], label, "loss")
                _band(below, [evaluations(run) for _, run in frame.iterrows()], label, "score")
        majority = max(f["majority"].max() for f in found[task].values() if not f.empty)
        below.axhline(majority, color=GREY, linestyle=":", label="majority class")
        above.set_title(task.upper())
        below.set_xlabel("optimiser steps")
    panels[0].set_ylabel("training loss")
    panels[len(shown)].set_ylabel("score on the selection split")
    panels[len(shown)].legend()
    return figure


def _runs_of(runs: Runs, row: Row, task: str, scale: str, fast: bool) -> pd.DataFrame:
    """The row's runs that have a history."""
    planned = plan.cell(row, Column(task, task, ""), scale, fast)
    chosen, _ = choose(runs, planned, scale)
    return chosen[[read_history(path) is not None for path in chosen["path"]]]


def _loss(run: pd.Series) -> pd.DataFrame:
    history = read_history(run["path"])
    assert history is not None
    rows = history[["step", "loss"]].dropna()
    window = max(1, round(SMOOTHED * len(rows)))
    smooth = rows["loss"].rolling(window, min_periods=1).mean()
    return pd.DataFrame({"step": rows["step"], "loss": smooth})


def _band(axes: Axes, curves: list[pd.DataFrame], label: str, value: str) -> None:
    """Mean over seeds, and the range between them."""
    curves = [curve for curve in curves if not curve.empty]
    if not curves:
        return
    by_step = pd.concat(curves).groupby("step")[value].agg(["mean", "min", "max"])
    style = look(METHODS[label])
    every: dict[str, Any] = {"markevery": max(1, len(by_step) // 8), "markersize": 4}
    axes.plot(by_step.index, by_step["mean"], label=label, **style, **every)
    axes.fill_between(by_step.index, by_step["min"], by_step["max"], alpha=0.2, color=style["color"])
