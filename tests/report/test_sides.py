"""What stands beside an effect, on rows and seeds whose answer is known: intervals, p, power, what it would take."""

import math

import numpy as np
import pytest
from scipy import stats

from lopa_bench.report.resampling import RowScores
from lopa_bench.report.statistics import paired_difference, pool
from lopa_bench.study.claim import Region
from lopa_bench.study.claims import BETTER


def accuracy(right, binary=True):
    right = np.asarray(right, dtype=bool)
    return RowScores(right[:, None].astype(float), lambda s, n: 100 * s[..., 0] / n, right if binary else None)


def flips(only_a, only_b, rows=2000):
    """Sides of which these rows are right on one alone; the difference and its standard error."""
    both = rows - only_a - only_b
    a, b = [1] * only_a + [0] * only_b + [1] * both, [0] * only_a + [1] * only_b + [1] * both
    d = 100 * (np.array(a, float) - b)
    return a, b, d.mean(), d.std() / math.sqrt(rows)


def test_the_interval_of_one_seed_is_at_95_percent():
    a, b, effect, error = flips(220, 180)
    found = paired_difference([accuracy(a)], [accuracy(b)], [effect], BETTER)
    half = stats.norm.ppf(0.975) * error
    assert (found.low, found.high) == pytest.approx((effect - half, effect + half), abs=0.1 * half)


def test_p_over_examples_of_a_metric_without_mcnemar_is_two_sided():
    a, b, effect, error = flips(220, 180)
    found = paired_difference([accuracy(a, False)], [accuracy(b, False)], [effect], BETTER)
    assert found.p_examples == pytest.approx(2 * stats.norm.sf(effect / error), rel=0.4)


@pytest.mark.parametrize("binary", [False, True])
def test_p_over_examples_between_two_bounds_is_that_of_the_nearer_one(binary):
    a, b, effect, error = flips(220, 180)
    found = paired_difference([accuracy(a, binary)], [accuracy(b, binary)], [effect], Region(-3.0, 3.0))
    assert found.p_examples == pytest.approx(2 * stats.norm.sf((3 - effect) / error), rel=0.3)


def test_more_rows_of_one_seed_are_beside_those_there():
    a, b, effect, error = flips(210, 190)
    found = paired_difference([accuracy(a, False)], [accuracy(b, False)], [effect], BETTER)
    assert found.more_rows == pytest.approx(2000 * ((stats.norm.ppf(0.975) * error / effect) ** 2 - 1), rel=0.12)


def test_power_of_equivalence_is_that_of_excluding_both_bounds():
    effects = [1.2, -0.9, 0.4, 0.8, -0.7]
    found = paired_difference([], [], effects, Region(-2.0, 2.0))
    mean = float(np.mean(effects))
    assert found.power == found.known.power(2 - mean, far=2 + mean) < found.known.power(2 - mean) - 0.01
    assert (
        found.powered_at(0.01).power == found.known.power(2 - mean, 0.01, 2 + mean) < found.known.power(2 - mean, 0.01)
    )


def test_the_other_tasks_spread_is_drawn_beside_the_own_one_in_power():
    quiet, noisy = [5.0, 5.1, 4.9], [5.0, 9.0, 1.0]
    spread = pool([quiet, noisy])
    assert paired_difference([], [], quiet, BETTER, spread).known.others == 2
    sides = [[accuracy([1, 1, 0, 1])] * 3, [accuracy([1, 0, 0, 1])] * 3]
    assert paired_difference(*sides, quiet, BETTER, spread).known.others == 2


def test_seeds_without_a_spread_need_as_many_as_signs_decide():
    found = paired_difference([], [], [2.0, 2.0, 2.0], BETTER)
    assert (found.p, found.more_seeds) == (0.25, 3)
    assert (
        paired_difference([], [], [2.0] * 6, BETTER).p
        == 2.0**-5
        < 0.05
        < paired_difference([], [], [2.0] * 5, BETTER).p
    )
