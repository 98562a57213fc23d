"""A run's predictions as the statistics of its metric, and what one pair of runs says over its examples: McNemar, bootstrap, jackknife."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lopa_bench.errors import UserError
from lopa_bench.metrics.metric import Floats, Line, Metric, percent_mean
from lopa_bench.report.crossed import LEVEL, MOST_ROWS_FACTOR
from lopa_bench.results.directory import PREDICTIONS, kept
from lopa_bench.results.predictions import examples_digest, inputs_digest, read_predictions

RESAMPLES = 2_000
EQUAL = 1e-6  # points: what a sum in another order may change

Whose = Literal["own", "exchanged"]


@dataclass(frozen=True)
class RowScores:
    """A run's predictions as sufficient statistics of its metric.

    Attributes:
        rows: [N, K] per-example statistics.
        aggregate: sums over examples [..., K] and N -> metric [...].
        correct: [N] booleans where the metric is the mean of them (accuracy, pass@1), else None.
        examples: which they are, in order; equal for runs that may be paired.
        inputs: what was read, in order; empty where that is not known.
    """

    rows: Floats
    aggregate: Callable[[Floats, int], Floats]
    correct: NDArray[np.bool_] | None = None
    examples: str = ""
    inputs: str = ""

    @property
    def value(self) -> float:
        return float(self.aggregate(self.rows.sum(0), len(self.rows)))


def read_scores(
    result_path: Path, metric: Metric, prompts: Whose | None = None, claimed: float | None = None
) -> RowScores | None:
    """The statistics of a metric; None where a run's predictions do not give them.

    Args:
        prompts: of those rows only that were answered by exchanged prompts too, what their own or the exchanged prompts answered.
        claimed: the metric as the result says it, if it does: rows that give another are not those that it was computed from.

    Raises:
        UserError: a damaged file, or one of other predictions.
    """
    scores = scores_by(read_predictions(result_path), result_path, metric, prompts)
    if scores and claimed is not None and not math.isclose(scores.value, claimed, abs_tol=EQUAL):
        path, which = kept(result_path.with_name(PREDICTIONS)), f"{prompts} prompts, " if prompts else ""
        told = f"{which}{metric.name} is {claimed:.6g} in its result.json and {scores.value:.6g} of these rows"
        raise UserError(f"{path}: not the predictions of this run, {told}")
    return scores


def scores_by(
    lines: list[dict[str, Any]], result_path: Path, metric: Metric, prompts: Whose | None = None
) -> RowScores | None:
    """The same of predictions that have been read from beside `result_path`."""
    if prompts:
        lines = [line | (line["exchanged"] if prompts == "exchanged" else {}) for line in lines if "exchanged" in line]
    try:
        return scores_of(lines, metric)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{result_path.parent}: its predictions are damaged ({error})") from error


def scores_of(lines: Sequence[Line], metric: Metric) -> RowScores | None:
    """The statistics of a metric over prediction lines; None where they do not give them."""
    if metric.per_row is None or metric.aggregate is None or not lines:
        return None
    rows = metric.per_row(lines)
    binary = metric.aggregate is percent_mean and rows.shape[1] == 1 and bool(np.isin(rows, (0.0, 1.0)).all())
    correct = rows[:, 0].astype(bool) if binary else None
    return RowScores(rows, metric.aggregate, correct, examples_digest(lines), inputs_digest(lines))


def other_examples(tests: Sequence[str | None], scores: Sequence[RowScores | None]) -> bool:
    """Whether two runs were tested on different examples.

    The same fingerprint of the test split is enough to be the same, and to have read the same is: a split may come from two sources.
    Of results without a fingerprint the targets decide; two splits of one task may have those alike.

    Args:
        tests: of each run, the fingerprint of its test split; None of an older result.
        scores: of each run, where its predictions are there.
    """
    a, b = scores
    if None in tests:
        return bool(a and b and a.examples != b.examples)
    return tests[0] != tests[1] and not (a and b and a.inputs and a.inputs == b.inputs)


def jackknife(scores: RowScores) -> Floats:
    """[N] what each example adds: pseudo-values, whose mean is the metric and whose spread is that of its estimate (Tukey 1958).

    Of a mean they are the examples' own values; of BLEU or F1 the linear part of what an example does to it.
    """
    n, total = len(scores.rows), scores.rows.sum(0)
    values: Floats = n * scores.aggregate(total, n) - (n - 1) * scores.aggregate(total - scores.rows, n - 1)
    return values


def mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Exact two-sided McNemar test: among the examples that flip, is it a fair coin?"""
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    if only_a + only_b == 0:
        return 1.0
    return float(stats.binomtest(only_a, only_a + only_b).pvalue)


def more_rows_of(only_a: int, only_b: int, rows: int) -> int | None:
    """How many rows beside `rows`, with as many flips a row, McNemar's test takes to decide; 0: none, None: no practical number."""
    if only_a == only_b:
        return None
    flips = np.arange(only_a + only_b, MOST_ROWS_FACTOR * (only_a + only_b) + 1)
    fewer = np.round(flips * min(only_a, only_b) / flips[0])
    p = 2 * stats.binom.cdf(fewer, flips, 0.5)  # of a fair coin the test's p, but where that is 1
    if p[0] < LEVEL:
        return 0
    last = int(np.flatnonzero(p >= LEVEL)[-1])
    return None if last == len(flips) - 1 else math.ceil(rows * (flips[last + 1] / flips[0] - 1))


def bootstrap(a: RowScores, b: RowScores) -> Floats:
    """Paired bootstrap over examples: [RESAMPLES] draws of A − B; both see the same resampled examples (Koehn 2004)."""
    n = len(a.rows)
    draws = [
        a.aggregate(counts @ a.rows, n) - b.aggregate(counts @ b.rows, n)
        for counts in np.array_split(_resamples(n), 20)
    ]
    return np.concatenate(draws)


@lru_cache(maxsize=2)
def _resamples(n: int) -> NDArray[np.uint8]:
    """How often each of n examples is drawn, [RESAMPLES, n], from a fixed seed."""
    random = np.random.default_rng(0)
    drawn = (random.integers(0, n, size=n) for _ in range(RESAMPLES))
    return np.stack([np.bincount(d, minlength=n).astype(np.uint8) for d in drawn])


def example_p(a: RowScores, b: RowScores, draws: Floats, bounds: Sequence[float]) -> float:
    """McNemar for "any difference" in accuracy; else by inverting the percentile interval of the bootstrap's draws."""
    if list(bounds) == [0.0] and a.correct is not None and b.correct is not None:
        return mcnemar(a.correct, b.correct)
    n = len(draws) + 1  # never zero (Davison & Hinkley 1997)
    tails = [2 * min((draws <= bound).sum() + 1, (draws >= bound).sum() + 1) / n for bound in bounds]
    return float(min(1.0, max(tails)))
