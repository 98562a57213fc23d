"""pass@k, the chance that at least one of k samples passes (Chen et al. 2021, arXiv 2107.03374)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import comb


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


def mean_pass_at_k(passed: Iterable[Sequence[bool | None]], ks: Sequence[int] = (1,)) -> dict[str, float]:
    """Mean pass@k over problems, in percent.

    Args:
        passed: for each problem the verdicts of its samples; None for one that does not count.
        ks: which k to estimate.

    Raises:
        ValueError: there is no problem.
    """
    counts = [(len(verdicts) - verdicts.count(None), verdicts.count(True)) for verdicts in passed]
    if not counts:
        raise ValueError("there is nothing to score")
    return {f"pass@{k}": 100 * sum(pass_at_k(n, c, k) for n, c in counts) / len(counts) for k in ks}
