"""Finished runs of all scales as one flat data frame, for whoever goes on with pandas."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from lopa_bench.errors import UserError
from lopa_bench.results.read import read_runs, runs_so_far


def load_results(folder: Path | str) -> pd.DataFrame:
    """The finished runs of all scales below a results folder, one row a run.

    Columns: scale, task, family, model, method, seed, metric, score (the headline metric), majority, parameters, seconds and what else
    `Runs.frame` has; every metric (``metrics.accuracy``); and every value that determines the number, under its override's name
    (``train.lr``). Files that are no results are left out with a warning.

    Raises:
        UserError: the folder does not exist.
    """
    if not Path(folder).is_dir():
        raise UserError(f"results_dir={folder}: no such directory; a first run creates it")
    scales = sorted(path.name for path in Path(folder).glob("[!.]*") if path.is_dir())
    found = [read_runs(folder, scale, foreign=True) for scale in scales] or [runs_so_far(Path(folder), "")]
    for line in (line for runs in found for line in runs.complaints):
        warnings.warn(line, stacklevel=2)
    frames = [runs.frame for runs in found if not runs.frame.empty]
    return _flat(pd.concat(frames, ignore_index=True) if frames else found[0].frame)


def _flat(frame: pd.DataFrame) -> pd.DataFrame:
    """The same with a column for each value of a nested one; what a config repeats of a run's own columns is left out."""
    plain = frame.drop(columns=["metrics", "config"])
    rows = zip(frame["metrics"], frame["config"], strict=True)
    dotted = pd.json_normalize([{"metrics": metrics, **config} for metrics, config in rows])
    return pd.concat([plain, dotted.drop(columns=plain.columns, errors="ignore")], axis=1)
