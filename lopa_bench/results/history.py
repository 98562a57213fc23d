"""A run's learning curve: ``history.csv`` (published: ``.gz``) beside its ``result.json``."""

from __future__ import annotations

import io
import math
from functools import lru_cache
from pathlib import Path

import pandas as pd

from lopa_bench.errors import UserError
from lopa_bench.host.files import read_bytes
from lopa_bench.results.directory import HISTORY, kept


@lru_cache(maxsize=256)
def read_history(result_path: Path) -> pd.DataFrame | None:
    """Columns step, epoch, loss, lr and metrics (empty where not evaluated); None: no file, or none that can be read."""
    path = kept(result_path.with_name(HISTORY))
    if not path.is_file():
        return None
    try:
        history = pd.read_csv(io.BytesIO(read_bytes(path)))
    except (UserError, pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError):
        return None
    numbers = all(pd.api.types.is_numeric_dtype(history[name]) for name in history.columns)
    return history if numbers and {"step", "loss"} <= set(history.columns) else None


def evaluations(run: pd.Series) -> pd.DataFrame:
    """Columns step and ``score``: the headline metric on the selection split at each evaluation."""
    history = read_history(run["path"])
    if history is None or run["metric"] not in history.columns:
        return pd.DataFrame({"step": [], "score": []})
    rows = history[["step", run["metric"]]].dropna()
    return rows.rename(columns={run["metric"]: "score"})


def saved_steps(a: pd.Series, b: pd.Series, share: float) -> float | None:
    """How many of the slower one's steps the faster saves on the way to the goal, in percent; negative where A is slower.

    Of the slower one's, so that A against B is the opposite of B against A.

    The goal is one that both reach: ``share`` of the gain over the majority class that the lesser of both makes. (To what the better
    reaches the other may never come, and its steps would tell of its level, not of its speed.) None where a run has no evaluations, or
    gains no more than its selection split's rows leave to chance: two standard errors of a share of one half. Curves are compared at the
    steps that both have: one that is evaluated more often would reach anything earlier.
    """
    curves = [evaluations(run) for run in (a, b)]
    shared = set.intersection(*(set(curve["step"]) for curve in curves))
    if not shared:
        return None
    curves = [curve[curve["step"].isin(shared)] for curve in curves]
    majority = max((run["majority"] for run in (a, b) if pd.notna(run["majority"])), default=0.0)
    gain = min(curve["score"].max() for curve in curves) - majority
    if gain <= max(_chance(run) for run in (a, b)):
        return None
    steps = [float(curve[curve["score"] >= majority + share * gain]["step"].iloc[0]) for curve in curves]
    return 100 * (steps[1] - steps[0]) / max(steps)


def _chance(run: pd.Series) -> float:
    """Two standard errors, in points, of a score on the selection split's rows; 0 where it is not told how many these were."""
    rows = run["config"]["data"].get("rows", {}).get("test" if run["selection"] == "paper" else "validation", 0)
    return 100 / math.sqrt(rows) if rows else 0.0
