"""What a metric is: one definition that scores a split, is resampled by the tests, and labels columns and axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lopa_bench.errors import UserError

Floats = NDArray[np.float64]
Scores = dict[str, float]  # metric -> value
Line = Mapping[
    str, Any
]  # of predictions.jsonl: index, prediction, target, and references or correct where the task has them


@dataclass(frozen=True)
class Metric:
    """A number over the predictions of a split.

    Attributes:
        name: its key in a result. label: as tables and figures show it. unit: of its value; empty for a pure number.
        per_row: prediction lines -> [N, K] statistics, one row a line. None for a metric that no sums over rows give (NIST, METEOR):
            it is computed over the whole split, and never resampled.
        aggregate: sums of the statistics over rows [..., K] and the number of rows -> metric [...].
    """

    name: str
    label: str
    unit: str = "%"
    higher_is_better: bool = True
    per_row: Callable[[Sequence[Line]], Floats] | None = None
    aggregate: Callable[[Floats, int], Floats] | None = None

    @property
    def axis(self) -> str:
        """The label with the unit, for an axis."""
        return f"{self.label} ({self.unit})" if self.unit else self.label

    @property
    def arrow(self) -> str:
        """What a column's head says of the direction; empty where more is better."""
        return "" if self.higher_is_better else " ↓"

    def is_better(self, value: float, than: float) -> bool:
        return value > than if self.higher_is_better else value < than

    def of(self, lines: Sequence[Line]) -> float:
        """The metric over prediction lines.

        Raises:
            ValueError: there are none.
        """
        if not lines:
            raise ValueError("there is nothing to score")
        assert self.per_row is not None
        assert self.aggregate is not None
        return float(self.aggregate(self.per_row(lines).sum(0), len(lines)))


def percent_mean(sums: Floats, n: int) -> Floats:
    """The mean of the first statistic, in percent: what accuracy and pass@k aggregate by."""
    mean: Floats = 100 * sums[..., 0] / n
    return mean


def score(metrics: Mapping[str, Metric], lines: Sequence[Line]) -> Scores:
    """All metrics that sums over rows give."""
    return {name: metric.of(lines) for name, metric in metrics.items() if metric.per_row}


def by_name(metrics: Sequence[Metric]) -> dict[str, Metric]:
    return {metric.name: metric for metric in metrics}


def first(prediction: Any) -> Any:
    """A line's prediction, the first where it has several samples."""
    return prediction[0] if isinstance(prediction, list) else prediction


def look_up(metrics: Mapping[str, Metric], name: str, where: str) -> Metric:
    """Raises `UserError` for a metric that `where` does not have."""
    if name not in metrics:
        raise UserError(f"{where} has no metric {name}; it has {', '.join(metrics)}")
    return metrics[name]
