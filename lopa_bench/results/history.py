"""A run's learning curve: ``history.csv`` (published: ``.gz``) beside its ``result.json``."""

from __future__ import annotations

import io
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

    The goal is ``share`` of the gain over the majority class that the better of both makes. A run
    that never gets there counts with all its steps. None where a run has no evaluations, or where
    nothing is gained.
    """
    curves = [evaluations(run) for run in (a, b)]
    if any(curve.empty for curve in curves):
        return None
    majority = max((run["majority"] for run in (a, b) if pd.notna(run["majority"])), default=0.0)
    best = max(curve["score"].max() for curve in curves)
    if best <= majority:
        return None
    goal = majority + share * (best - majority)
    reached = [curve[curve["score"] >= goal]["step"] for curve in curves]
    steps = [
        float(hits.iloc[0] if len(hits) else curve["step"].max()) for hits, curve in zip(reached, curves, strict=True)
    ]
    return 100 * (steps[1] - steps[0]) / max(steps)
