"""pass@k, the chance that at least one of k samples passes (Chen et al. 2021, arXiv 2107.03374)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from math import comb

import numpy as np

from lopa_bench.metrics.metric import Floats, Line, Metric, percent_mean


def pass_at_k(n: int, c: int, k: int) -> float:
    """Unbiased estimate 1 - C(n-c, k) / C(n, k) from ``n`` samples of which ``c`` pass.

    Returns:
        A fraction. With fewer than ``k`` failing samples it is 1, also where ``n < k``,
        as in the official scorers of HumanEval, mxeval and CRUXEval.

    Raises:
        ValueError: not 0 <= c <= n, or k < 1.
    """
    if not 0 <= c <= n or k < 1:
        raise ValueError(f"pass@k needs 0 <= c <= n and k >= 1, not n={n}, c={c}, k={k}")
    if n - c < k:
        return 1.0
    return 1 - comb(n - c, k) / comb(n, k)


@cache
def metric(k: int = 1) -> Metric:
    """Mean pass@k over problems, in percent, of lines whose ``correct`` is a verdict or one per sample (None: does not count)."""

    def per_row(lines: Sequence[Line]) -> Floats:
        return np.array([[_of_one(line["correct"], k)] for line in lines], dtype=float)

    return Metric(f"pass@{k}", f"pass@{k}", per_row=per_row, aggregate=percent_mean)


def _of_one(correct: bool | Sequence[bool | None], k: int) -> float:
    verdicts: list[bool | None] = [correct] if isinstance(correct, bool) else list(correct)
    return pass_at_k(len(verdicts) - verdicts.count(None), verdicts.count(True), k)


def mean_pass_at_k(passed: Iterable[Sequence[bool | None]], ks: Sequence[int] = (1,)) -> dict[str, float]:
    """Mean pass@k over problems, in percent.

    Args:
        passed: for each problem the verdicts of its samples; None for one that does not count.
        ks: which k to estimate.

    Raises:
        ValueError: there is no problem.
    """
    lines = [{"correct": list(verdicts)} for verdicts in passed]
    return {f"pass@{k}": metric(k).of(lines) for k in ks}
