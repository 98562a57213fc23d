"""How sure a mean over examples and seeds is, when every seed was tested on the same examples.

The difference of two methods on example i with seed s is d_is = μ + a_i + b_s + e_is: the examples are a sample, and so are the seeds.
The variance of its mean over N examples and S seeds is σ_a²/N + σ_b²/S + σ_e²/(NS). A two-way analysis of variance estimates its parts:
the mean square over examples gives what examples and the rest add (`examples`, N − 1 degrees of freedom), the spread of the means per seed
what seeds and the rest add (`seeds`, few degrees of freedom), and the residual the rest, which is in both (`rest`).

One t quantile does not fit a sum whose parts are known so differently well: Satterthwaite's degrees of freedom let through up to 7.7 %
false verdicts at three seeds. With a quantile for each part (Banerjee 1961) an interval covers at any ratio of the parts:

    half² = z² max(0, examples − rest) + t² seeds

The rest is in the mean once, and is counted with the seeds, as what is known less certainly. (Counted with the examples, and taken off the
seeds, it lets through 5.7 % at ten seeds where it hides them; seeds alone 11 % where examples matter too.) Over ratios of the three parts,
2 to 10 seeds and 60 to 2,000 examples 1.2 to 5.1 % of verdicts are false where there is no effect (tests/report/test_crossed.py).
"""

from __future__ import annotations

import math
from bisect import bisect_left
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special, stats

LEVEL = 0.05
OWN = 5  # seeds of a study from which on a task's own spread over them stands alone (`statistics`)
MOST_SEEDS = 100  # beyond these, "how many more" has no practical answer
MOST_ROWS_FACTOR = 100
TINY = 1e-12  # a smaller p is that
SPREADS = 1000  # equally probable values of an estimated variance, over which power is a mean
PAIRED = 20  # of two variances every value of the one meets each 20th of the other


@dataclass(frozen=True)
class Parts:
    """The parts of the variance of a mean difference, in squared points, as the module's text names them.

    Attributes:
        freedom: of `seeds`; rows: N, 0 where nothing is known of the examples, and then `examples` and `rest` are zero.
        others: where `seeds` is the larger of the comparison's own spread and one pooled with others', their degrees of freedom; else 0.
    """

    examples: float
    seeds: float
    rest: float
    freedom: int
    rows: int
    count: int
    others: int = 0

    def half(self, level: float = LEVEL) -> float:
        """Half of the interval that covers with probability 1 − `level`."""
        return float(self._half(np.asarray(self.seeds), level, self.freedom))

    def _half(self, seeds: NDArray[np.float64], level: float, freedom: int) -> NDArray[np.float64]:
        """The same for each of these values of `seeds`, of so many degrees of freedom."""
        t, z = _quantile(level, freedom), _quantile(level, self.rows - 1) if self.rows else 0.0
        return np.sqrt(z * z * max(0.0, self.examples - self.rest) + t * t * seeds)

    def p(self, distance: float) -> float:
        """The level at which an interval would end at this distance: a two-sided p value."""
        if distance <= 0 or self.half(1 - TINY) >= distance:
            return 1.0
        if self.half(TINY) <= distance:
            return TINY
        found = optimize.brentq(lambda x: self.half(math.exp(x)) - distance, math.log(TINY), math.log1p(-TINY))
        return math.exp(found)

    def power(self, distance: float, level: float = LEVEL, far: float = math.inf) -> float:
        """How often as many examples and seeds, drawn anew, would decide, were the true distance this one and these the true variances.

        With few seeds their spread, and with it the interval, is another each time: a mean over what it may be.

        Args:
            far: the distance of the bound on the other side, which the interval has to exclude as well.
        """
        error = math.sqrt(self.examples + max(0.0, self.seeds - self.rest))
        if error == 0:
            return float(distance > self.half(level))
        half = self._halves(level)
        both = special.ndtr((distance - half) / error) + special.ndtr((far - half) / error) - 1
        return float(np.maximum(0.0, both).mean())

    def _halves(self, level: float) -> NDArray[np.float64]:
        """Half of the interval, equally probable values of it, were all drawn anew and `seeds` the true variance."""
        if not self.others:
            return self._half(self.seeds * _spreads(self.freedom), level, self.freedom)
        # The comparison's own spread is drawn with the others'; the larger of it and the pooled one counts.
        freedom = self.count - 1
        own, others = _spreads(freedom)[:, None], _spreads(self.others)[None, PAIRED // 2 :: PAIRED]
        pooled = (freedom * own + self.others * others) / (freedom + self.others)
        of_own = self._half(self.seeds * own, level, freedom)
        of_pooled = self._half(self.seeds * pooled, level, freedom + self.others)
        return np.where(own > pooled, of_own, of_pooled).ravel()

    def with_seeds(self, count: int) -> Parts:
        """What they would be over so many seeds."""
        factor = self.count / count
        only = max(0.0, self.examples - self.rest)
        return replace(
            self,
            examples=only + factor * min(self.examples, self.rest),
            seeds=factor * self.seeds,
            rest=factor * self.rest,
            freedom=count - 1 if self.freedom == self.count - 1 or count >= OWN else self.freedom,
            count=count,
            others=self.others if count < OWN else 0,
        )

    def anew(self, count: int, rows: int) -> Parts:
        """What they would be over so many other seeds and, where anything is known of examples, so many other examples."""
        by_seeds, by_rows = self.count / count, self.rows / rows
        rest = by_seeds * by_rows * self.rest
        return Parts(
            examples=by_rows * max(0.0, self.examples - self.rest) + rest,
            seeds=by_seeds
            * (max(0.0, self.seeds - self.rest) + (by_rows if self.rows else 1) * min(self.seeds, self.rest)),
            rest=rest,
            freedom=count - 1,
            rows=rows if self.rows else 0,
            count=count,
        )

    def chance(self, count: int, distance: float, level: float, far: float = math.inf) -> float:
        """How often it is decided, on whichever side, once there are `count` seeds: these and new ones, on the same examples.

        Effect and variances are taken to be those seen; over what mean and spread the new seeds may have it is a mean, from 0 to 1.

        Args:
            count: two more than there are, or more. distance, far: of the mean from the nearest bound and from the other, in points.
        """
        old, new = self.count, count - self.count
        each = old * self.seeds  # the variance of one seed's mean
        normal = special.ndtri((np.arange(SPREADS // PAIRED) + 0.5) * PAIRED / SPREADS)
        apart = math.sqrt(each / new) * normal  # the new seeds' mean less that of the old
        squares = each * (old - 1 + (new - 1) * _spreads(new - 1)[:, None]) + old * new / count * apart**2
        half = self.with_seeds(count)._half(squares / (count - 1) / count, level, count - 1)
        moved = new / count * apart
        inside = np.minimum(distance + moved, far - moved) > half
        outside = np.maximum(-distance - moved, moved - far) > half
        return float((inside | outside).mean())

    def more_seeds(self, distance: float, level: float = LEVEL) -> int | None:
        """Seeds still needed for the interval to exclude a bound at this distance, on these examples; None: no practical number."""

        def enough(count: int) -> bool:
            return self.with_seeds(count).half(level) < distance

        few = next((count for count in range(self.count, OWN) if enough(count)), None)
        if few is not None:
            return few - self.count
        many = range(max(self.count, OWN), MOST_SEEDS + 1)  # with each seed the interval is narrower
        found = bisect_left(many, True, key=enough)
        return many[found] - self.count if found < len(many) else None

    def more_rows(self, distance: float, level: float = LEVEL) -> int | None:
        """Examples still needed for the same with these seeds; None: no practical number, or nothing is known of the examples."""
        if not self.rows:
            return None
        t, z = _quantile(level, self.freedom), float(stats.norm.isf(level / 2))
        seeds = t * t * max(0.0, self.seeds - self.rest)  # what no number of examples takes away
        left = distance * distance - seeds
        if left <= 0:
            return None
        factor = (z * z * max(0.0, self.examples - self.rest) + t * t * min(self.seeds, self.rest)) / left
        return math.ceil(self.rows * max(0.0, factor - 1)) if factor < MOST_ROWS_FACTOR else None


@cache
def _spreads(freedom: int) -> NDArray[np.float64]:
    """[SPREADS] what a variance that is estimated with these degrees of freedom may come out as, for a true one of 1."""
    values: NDArray[np.float64] = special.chdtri(freedom, (np.arange(SPREADS) + 0.5) / SPREADS) / freedom
    return values


def _quantile(level: float, freedom: int) -> float:
    """What a t of these degrees of freedom exceeds on either side with probability `level`."""
    return -float(special.stdtrit(freedom, level / 2))


def parts(differences: NDArray[np.float64], spread: float, freedom: int) -> Parts:
    """The parts of the variance of the mean of `differences`, [S, N].

    Args:
        spread: the standard deviation of the means per seed, or a better estimate of it; freedom: its degrees of freedom.
    """
    s, n = differences.shape
    over_seeds, over_rows = differences.mean(0, keepdims=True), differences.mean(1, keepdims=True)
    centre = differences.mean()
    examples = s * float(((over_seeds - centre) ** 2).sum()) / (n - 1)
    residual = float(((differences - over_seeds - over_rows + centre) ** 2).sum()) / ((n - 1) * (s - 1))
    return Parts(examples / (n * s), spread**2 / s, residual / (n * s), freedom, n, s)
