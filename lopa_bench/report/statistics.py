"""The tests behind every verdict: McNemar, paired bootstrap, paired t over seeds, Holm.

A difference between two methods has two sources of chance, the test examples and the seeds, and a
verdict must survive both. `paired_difference` therefore tests each and keeps the larger p (an
intersection-union test, Berger 1982, which keeps its level without correction) and the hull of the
two 95 % intervals.

With two or three seeds a task's own spread is hardly known. The spread over seeds is therefore the
larger of its own and that pooled over comparable tasks (`pool`), with the degrees of freedom of the
one taken: a task that happens to look quiet gains nothing from it, and a noisy one nothing from the pool.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lopa_bench.study.claim import Region

LEVEL = 0.05
RESAMPLES = 2_000
MOST_SEEDS = 100  # beyond these, "how many more" has no practical answer
MOST_ROWS_FACTOR = 100
ROUNDING = 1e-9  # points: what floating point leaves between equal scores

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Scores:
    """A run's predictions as sufficient statistics of its metric.

    Attributes:
        rows: [N, K] per-example statistics.
        aggregate: sums over examples [..., K] and N -> metric [...].
        correct: [N] booleans where the metric is the mean of them (accuracy, pass@1), else None.
        examples: which they are, in order; equal for runs that may be paired.
    """

    rows: Floats
    aggregate: Callable[[Floats, int], Floats]
    correct: NDArray[np.bool_] | None = None
    examples: str = ""

    @property
    def value(self) -> float:
        return float(self.aggregate(self.rows.sum(0), len(self.rows)))


@dataclass(frozen=True)
class Spread:
    """Standard deviation of A − B over seeds, and its degrees of freedom (0: unknown)."""

    value: float
    freedom: int

    def error(self, seeds: int) -> float:
        """Half of the 95 % t interval of a mean over this many seeds."""
        return float(stats.t.ppf(1 - LEVEL / 2, self.freedom)) * self.value / math.sqrt(seeds)


@dataclass(frozen=True)
class Difference:
    """Method A minus method B on one task, in points of its metric.

    Attributes:
        effect: mean over seeds.
        low, high: 95 % interval, the hull of those over examples and over seeds; with one seed that
            over examples alone (NaN without predictions).
        p: two-sided, of the region's nearest untruth; 1 for one seed, which proves nothing.
        p_examples: the same over examples alone, None without predictions.
        more_seeds, more_rows: about how many more would decide, if effect and spread stay; 0: none,
            None: no practical number.
    """

    effect: float
    low: float
    high: float
    seeds: int
    rows: int
    p: float
    p_examples: float | None
    more_seeds: int | None
    more_rows: int | None


def paired_difference(
    a: Sequence[Scores],
    b: Sequence[Scores],
    effects: Sequence[float],
    region: Region,
    spread: Spread | None = None,
) -> Difference:
    """Test whether A − B lies in ``region``.

    Args:
        a, b: one per seed, of the same examples in the same order; empty without predictions.
        effects: metric of A minus metric of B per seed.
        spread: of comparable tasks over seeds, see `pool`.
    """
    seeds, effect = len(effects), float(np.mean(effects))
    spread = _larger(pool([effects]), spread)
    bounds = region.at_stake(effect)
    distance = min(abs(effect - bound) for bound in bounds)
    p_seeds = max(_seed_p(effects, bound, spread) for bound in bounds)
    half = spread.error(seeds) if seeds > 1 else math.nan
    interval = effect - half, effect + half
    rows = 0
    more_rows: int | None = 0
    p_examples = None
    if a:
        draws = bootstrap(a, b)
        rows = len(a[0].rows)
        interval = _hull(interval, np.quantile(draws, [LEVEL / 2, 1 - LEVEL / 2]))
        p_examples = _example_p(a, b, draws, bounds)
        more_rows = _more_rows(distance, float(draws.std()), rows)
    return Difference(
        effect,
        *interval,
        seeds=seeds,
        rows=rows,
        p=max(p_seeds, p_examples or 0.0),
        p_examples=p_examples,
        more_seeds=_more_seeds(seeds, distance, spread),
        more_rows=more_rows,
    )


def pool(samples: Iterable[Sequence[float]]) -> Spread:
    """The spread over seeds within tasks, their means apart; samples of one seed tell nothing."""
    several = [np.asarray(sample) for sample in samples if len(sample) > 1]
    freedom = sum(len(sample) - 1 for sample in several)
    squares = sum(float(((sample - sample.mean()) ** 2).sum()) for sample in several)
    return Spread(math.sqrt(squares / freedom) if freedom else math.nan, freedom)


def _larger(own: Spread, pooled: Spread | None) -> Spread:
    if pooled is None or not pooled.freedom:
        return own
    return own if own.value > pooled.value else pooled


def mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Exact two-sided McNemar test: among the examples that flip, is it a fair coin?"""
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    if only_a + only_b == 0:
        return 1.0
    return float(stats.binomtest(only_a, only_a + only_b).pvalue)


def mcnemar_over_seeds(a: Sequence[Scores], b: Sequence[Scores]) -> float:
    """Twice the median p over seeds, valid whatever their dependence (Meinshausen et al. 2009)."""
    ps = [mcnemar(x.correct, y.correct) for x, y in zip(a, b, strict=True)]  # type: ignore[arg-type]
    return ps[0] if len(ps) == 1 else min(1.0, 2 * float(np.median(ps)))


def bootstrap(a: Sequence[Scores], b: Sequence[Scores]) -> Floats:
    """Paired bootstrap over examples: [RESAMPLES] draws of A − B, averaged over seeds.

    Both methods and all seeds see the same resampled examples (Koehn 2004).
    """
    n = len(a[0].rows)
    draws = []
    for counts in np.array_split(_resamples(n), 20):
        differences = [
            x.aggregate(counts @ x.rows, n) - y.aggregate(counts @ y.rows, n) for x, y in zip(a, b, strict=True)
        ]
        draws.append(np.mean(differences, axis=0))
    return np.concatenate(draws)


@lru_cache(maxsize=2)
def _resamples(n: int) -> NDArray[np.uint8]:
    """How often each of n examples is drawn, [RESAMPLES, n], from a fixed seed."""
    random = np.random.default_rng(0)
    drawn = (random.integers(0, n, size=n) for _ in range(RESAMPLES))
    return np.stack([np.bincount(d, minlength=n).astype(np.uint8) for d in drawn])


def _example_p(a: Sequence[Scores], b: Sequence[Scores], draws: Floats, bounds: Sequence[float]) -> float:
    """McNemar for "any difference" in accuracy; else by inverting the percentile interval."""
    if list(bounds) == [0.0] and all(scores.correct is not None for scores in (*a, *b)):
        return mcnemar_over_seeds(a, b)
    n = len(draws) + 1  # never zero (Davison & Hinkley 1997)
    tails = [2 * min((draws <= bound).sum() + 1, (draws >= bound).sum() + 1) / n for bound in bounds]
    return float(min(1.0, max(tails)))


def _seed_p(effects: Sequence[float], bound: float, spread: Spread) -> float:
    """Two-sided t test of the mean over seeds; 1 for one seed."""
    n, distance = len(effects), abs(float(np.mean(effects)) - bound)
    if n < 2:
        return 1.0
    if spread.value < ROUNDING:  # nothing for a t test to divide by: n equal signs
        return 2.0 ** (1 - n) if distance > ROUNDING else 1.0
    return float(2 * stats.t.sf(distance / spread.value * math.sqrt(n), spread.freedom))


def _hull(a: Sequence[float], b: Sequence[float] | Floats) -> tuple[float, float]:
    return float(np.fmin(a[0], b[0])), float(np.fmax(a[1], b[1]))


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979), in the order given."""
    adjusted, running = [0.0] * len(ps), 0.0
    for rank, i in enumerate(np.argsort(ps, kind="stable")):
        running = max(running, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = running
    return adjusted


def _more_seeds(seeds: int, distance: float, spread: Spread) -> int | None:
    """Seeds still needed for the t interval to exclude a bound at this distance."""
    if seeds < 2:
        return 2  # one seed says nothing of the spread; three give a first useful interval
    if spread.value < ROUNDING:
        return max(0, math.ceil(1 - math.log2(LEVEL)) - seeds) if distance > ROUNDING else None
    enough = (n for n in range(seeds, MOST_SEEDS + 1) if spread.error(n) < distance)
    needed = next(enough, None)
    return None if needed is None else needed - seeds


def _more_rows(distance: float, spread: float, rows: int) -> int | None:
    """Test rows still needed for the interval over examples to exclude a bound at this distance."""
    half = float(stats.norm.ppf(1 - LEVEL / 2)) * spread
    if half < distance:
        return 0
    factor = (half / distance) ** 2 if distance else math.inf
    return math.ceil(rows * (factor - 1)) if factor < MOST_ROWS_FACTOR else None
