"""The tests behind every verdict: differences over examples and seeds, and Holm's correction.

A difference between two methods is due to chance in two ways, the test examples and the seeds; `crossed` estimates both parts from all
examples of all seeds. One seed says nothing of other seeds and decides nothing, whatever its examples say.

The spread over seeds is the task's own: a t test with its degrees of freedom is exact where seeds are roughly normal, however much tasks
differ. A study of two to four seeds could decide nothing that way (t is 4.3 at three), so there the spread is the larger of the task's own
and that pooled over comparable tasks (`pool`), with the degrees of freedom of the one taken; at three seeds 6 to 7 % of the verdicts on a
task that is two or three times as noisy as the others are then false. How many seeds are planned chooses the rule, not how many are there:
no rule changes for having one seed more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from lopa_bench.report.crossed import LEVEL, MOST_ROWS_FACTOR, OWN, Parts, parts
from lopa_bench.report.resampling import RowScores, bootstrap, example_p, jackknife
from lopa_bench.study.claim import Region

ROUNDING = 1e-9  # points: what floating point leaves between equal scores


@dataclass(frozen=True)
class Spread:
    """Standard deviation of A − B over seeds, and its degrees of freedom (0: unknown).

    `others`: where it is the larger of a task's own and the pooled one, the degrees of freedom that the other tasks add; else 0.
    """

    value: float
    freedom: int
    others: int = 0


@dataclass(frozen=True)
class Difference:
    """Method A minus method B on one task, in points of its metric.

    Attributes:
        effect: mean over seeds.
        low, high: 95 % interval over examples and seeds; with one seed that over examples alone (NaN without predictions).
        p: two-sided, of the region's nearest untruth; 1 for one seed, which proves nothing.
        p_examples: with one seed, the same over examples alone; None without predictions, and with several seeds.
        known: what is known of its variance, and `distance`, how far it is from the region's nearest untruth; None with one seed.
        power_level, seeds_level, rows_level: at which `power`, `more_seeds` and `more_rows` are told.
        rows_for_one: `more_rows` of one seed.
    """

    effect: float
    low: float
    high: float
    seeds: int
    rows: int
    p: float
    p_examples: float | None
    known: Parts | None = None
    distance: float = 0.0
    far: float = math.inf
    power_level: float = LEVEL
    seeds_level: float = LEVEL
    rows_level: float = LEVEL
    rows_for_one: int | None = None

    @cached_property
    def power(self) -> float:
        """How often as many seeds and rows, drawn anew, would decide, were the effect seen the true one; 0 with one seed."""
        return self.known.power(self.distance, self.power_level, self.far) if self.known else 0.0

    @cached_property
    def more_seeds(self) -> int | None:
        """With about how many more it would be decided half of the time, if effect and spread stay.

        0: none, None: no practical number, or one seed, which does not tell.
        """
        return _more_seeds(self.known, self.distance, self.seeds_level) if self.known else None

    @cached_property
    def more_rows(self) -> int | None:
        """The same of test rows, without more seeds."""
        return self.known.more_rows(self.distance, self.rows_level) if self.known else self.rows_for_one

    def needed_at(self, level: float, with_these_seeds: float) -> Difference:
        """The same, with the seeds that bring p below `level`, and the rows that bring it below the other without more seeds."""
        return replace(self, seeds_level=level, rows_level=with_these_seeds)

    def powered_at(self, level: float) -> Difference:
        """The same, with the power of a test at this level."""
        return replace(self, power_level=level)


def paired_difference(
    a: Sequence[RowScores],
    b: Sequence[RowScores],
    effects: Sequence[float],
    region: Region,
    spread: Spread | None = None,
    planned: int | None = None,
) -> Difference:
    """Test whether A − B lies in ``region``.

    Args:
        a, b: one per seed, of the same examples in the same order; empty without predictions.
        effects: metric of A minus metric of B per seed.
        spread: of comparable tasks over seeds, see `pool`.
        planned: seeds of the study; None: those at hand.
    """
    effect = float(np.mean(effects))
    bounds = region.at_stake(effect)
    if len(effects) == 1:
        return _of_one_seed(a, b, effect, bounds)
    distance, far = sorted([*(abs(effect - bound) for bound in bounds), math.inf])[:2]
    known = _parts(a, b, _taken(effects, spread, planned or len(effects)), len(effects))
    half, p = known.half(), known.p(distance)
    if known.seeds < ROUNDING**2:  # nothing for a t test to divide by: as many equal signs
        p = max(p, 2.0 ** (1 - len(effects))) if distance > ROUNDING else 1.0
    return Difference(
        effect,
        effect - half,
        effect + half,
        seeds=len(effects),
        rows=known.rows,
        p=p,
        p_examples=None,
        known=known,
        distance=distance,
        far=far,
    )


def _parts(a: Sequence[RowScores], b: Sequence[RowScores], spread: Spread, seeds: int) -> Parts:
    """The parts of the variance of A − B; without predictions all that is known of the examples is in the seeds."""
    if not a or len(a[0].rows) < 2:
        return Parts(0.0, spread.value**2 / seeds, 0.0, spread.freedom, 0, seeds, spread.others)
    differences: NDArray[np.float64] = np.stack([jackknife(x) - jackknife(y) for x, y in zip(a, b, strict=True)])
    return replace(parts(differences, spread.value, spread.freedom), others=spread.others)


def _of_one_seed(a: Sequence[RowScores], b: Sequence[RowScores], effect: float, bounds: Sequence[float]) -> Difference:
    rows = len(a[0].rows) if a else 0
    if rows < 2:  # every draw of one example is that example
        return Difference(effect, math.nan, math.nan, 1, rows, 1.0, None)
    draws = bootstrap(a[0], b[0])
    low, high = np.quantile(draws, [LEVEL / 2, 1 - LEVEL / 2])
    more = _more_rows(min(abs(effect - bound) for bound in bounds), float(draws.std()), rows)
    p = example_p(a[0], b[0], draws, bounds)
    return Difference(effect, float(low), float(high), 1, rows, 1.0, p, rows_for_one=more)


def pool(samples: Iterable[Sequence[float]]) -> Spread:
    """The spread over seeds within tasks, their means apart; samples of one seed tell nothing."""
    several = [np.asarray(sample) for sample in samples if len(sample) > 1]
    freedom = sum(len(sample) - 1 for sample in several)
    squares = sum(float(((sample - sample.mean()) ** 2).sum()) for sample in several)
    return Spread(math.sqrt(squares / freedom) if freedom else math.nan, freedom)


def _taken(effects: Sequence[float], pooled: Spread | None, planned: int) -> Spread:
    """The spread that counts: the task's own, but in a small study, and where seeds say too nearly the same to tell how they differ."""
    own = pool([effects])
    small = planned < OWN and len(effects) >= planned
    alike = len(set(np.round(effects, 6))) < min(3, len(effects))
    if pooled is not None and pooled.freedom and (small or alike):
        larger = max(pooled, own, key=lambda spread: spread.value)
        return replace(larger, others=pooled.freedom - own.freedom)
    return own


def holm(ps: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979), in the order given."""
    adjusted, running = [0.0] * len(ps), 0.0
    for rank, i in enumerate(np.argsort(ps, kind="stable")):
        running = max(running, min(1.0, (len(ps) - rank) * ps[i]))
        adjusted[i] = running
    return adjusted


def _more_seeds(known: Parts, distance: float, level: float) -> int | None:
    if known.seeds < ROUNDING**2:
        return max(0, math.ceil(1 - math.log2(level)) - known.count) if distance > ROUNDING else None
    return known.more_seeds(distance, level)


def _more_rows(distance: float, spread: float, rows: int) -> int | None:
    """Test rows still needed for one pair's interval over examples to exclude a bound at this distance."""
    half = float(stats.norm.ppf(1 - LEVEL / 2)) * spread
    if half < distance:
        return 0
    factor = (half / distance) ** 2 if distance else math.inf
    return math.ceil(rows * (factor - 1)) if factor < MOST_ROWS_FACTOR else None
