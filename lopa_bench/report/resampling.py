"""A run's predictions as the statistics of its metric, which the tests resample."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lopa_bench.errors import UserError
from lopa_bench.metrics.metric import Metric, percent_mean
from lopa_bench.report.statistics import Scores
from lopa_bench.results.predictions import examples_of, read_predictions


def read_scores(result_path: Path, metric: Metric) -> Scores | None:
    """The statistics of a metric; None where a run's predictions do not give them.

    Raises:
        UserError: a damaged file.
    """
    if metric.per_row is None or metric.aggregate is None:
        return None
    lines = read_predictions(result_path)
    if not lines:
        return None
    try:
        rows = metric.per_row(lines)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{result_path.parent}: its predictions are damaged ({error})") from error
    binary = metric.aggregate is percent_mean and rows.shape[1] == 1 and bool(np.isin(rows, (0.0, 1.0)).all())
    return Scores(rows, metric.aggregate, rows[:, 0].astype(bool) if binary else None, examples_of(lines))
