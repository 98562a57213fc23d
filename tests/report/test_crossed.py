"""The two sources of chance, against closed forms and simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from lopa_bench.report.crossed import LEVEL, Parts, parts
from lopa_bench.study.looks import EARLY, LOOKS, Look

# Shares of the variance of the mean that are due to examples, seeds and the rest.
SHARES = [
    (1, 0, 0),
    (0, 1, 0),
    (0, 0, 1),
    (0.5, 0.5, 0),
    (0, 0.5, 0.5),
    (0.5, 0, 0.5),
    (0.2, 0.8, 0),
    (1 / 3, 1 / 3, 1 / 3),
]


def drawn(random, shares, seeds, rows):
    """Differences [S, N] without an effect, whose mean has variance one."""
    a, b, e = shares
    differences = math.sqrt(a * rows) * random.standard_normal(rows)
    differences = differences + math.sqrt(b * seeds) * random.standard_normal((seeds, 1))
    return differences + math.sqrt(e * rows * seeds) * random.standard_normal((seeds, rows))


def estimated(differences):
    return parts(differences, differences.mean(1).std(ddof=1), len(differences) - 1)


def test_the_parts_are_those_of_a_two_way_analysis_of_variance():
    differences = np.array([[1.0, 2.0, 4.0, 3.0], [2.0, 2.0, 6.0, 1.0], [0.0, 3.0, 5.0, 3.0]])
    found = estimated(differences)
    table = differences - differences.mean()
    rows, seeds = 3 * (table.mean(0) ** 2).sum(), 4 * (table.mean(1) ** 2).sum()
    rest = (table**2).sum() - rows - seeds
    assert found.examples == pytest.approx(rows / 3 / 12)
    assert found.seeds == pytest.approx(seeds / 2 / 12)
    assert found.rest == pytest.approx(rest / 6 / 12)
    assert (found.rows, found.count, found.freedom) == (4, 3, 2)


def test_the_parts_are_unbiased():
    random = np.random.default_rng(0)
    for a, b, e in SHARES:
        found = [estimated(drawn(random, (a, b, e), 5, 30)) for _ in range(400)]
        for name, true in (("examples", a + e), ("seeds", b + e), ("rest", e)):
            values = [getattr(each, name) for each in found]
            assert np.mean(values) == pytest.approx(true, abs=4 * np.std(values) / 20 + 1e-9)


def test_with_one_source_alone_it_is_the_usual_t_test():
    seeds = Parts(0.0, 0.5, 0.0, 4, 0, 5)
    assert seeds.half() == pytest.approx(stats.t.ppf(0.975, 4) * math.sqrt(0.5))
    assert seeds.p(2.0) == pytest.approx(2 * stats.t.sf(2.0 / math.sqrt(0.5), 4))
    examples = Parts(0.5, 0.0, 0.0, 4, 1000, 5)
    assert examples.p(2.0) == pytest.approx(2 * stats.t.sf(2.0 / math.sqrt(0.5), 999))
    assert examples.p(0.0) == 1.0


def test_p_is_the_level_whose_interval_ends_there():
    found = Parts(0.3, 0.4, 0.1, 4, 500, 5)
    for level in (0.5, 0.05, 0.001):
        assert found.p(found.half(level)) == pytest.approx(level)


def false_verdicts(shares, seeds, rows, trials, random):
    return np.mean([abs((d := drawn(random, shares, seeds, rows)).mean()) > estimated(d).half() for _ in range(trials)])


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_at_most_five_percent_of_verdicts_are_false_under_the_null(seeds):
    """Every share of every source; 600 trials have a standard error of 0.9 points."""
    random = np.random.default_rng(seeds)
    for shares in SHARES:
        assert false_verdicts(shares, seeds, 50, 600, random) < 0.05 + 3 * 0.009, shares


@pytest.mark.parametrize("rows", [60, 2000])
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_at_most_five_percent_where_the_rest_hides_the_seeds(seeds, rows):
    """From the mean squares, which are independent chi-squares: 2,000 draws have a standard error of 0.5 points."""
    random, trials = np.random.default_rng(seeds + rows), 2000
    for a, b, e in [*SHARES, (0.1, 0.6, 0.3), (0.2, 0.5, 0.3), (0.0, 0.2, 0.8)]:
        examples = (a + e) * random.chisquare(rows - 1, trials) / (rows - 1)
        spread = (b + e) * random.chisquare(seeds - 1, trials) / (seeds - 1)
        rest = e * random.chisquare((rows - 1) * (seeds - 1), trials) / ((rows - 1) * (seeds - 1))
        means = random.standard_normal(trials)
        found = [
            abs(mean) > Parts(*variances, freedom=seeds - 1, rows=rows, count=seeds).half()
            for *variances, mean in zip(examples, spread, rest, means, strict=True)
        ]
        assert np.mean(found) < LEVEL + 3 * 0.0049, (a, b, e)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_at_most_five_percent_of_verdicts_are_false_over_all_shares(seeds):
    random = np.random.default_rng(seeds)
    shares = [(a / 5, b / 5, (5 - a - b) / 5) for a in range(6) for b in range(6 - a)]
    found = {each: false_verdicts(each, seeds, 60, 10_000, random) for each in shares}
    assert max(found.values()) < 0.05 + 3 * 0.0022, found


def looks(random, shares, level):
    """Whether comparisons of ten seeds without an effect seem decided at `level` after some of seeds 3 to 9; at LEVEL, after the tenth."""
    for _ in range(600):
        d = drawn(random, shares, 10, 60)
        early = any(abs(d[:seeds].mean()) > estimated(d[:seeds]).half(level) for seeds in range(3, 10))
        yield early, abs(d.mean()) > estimated(d).half()


def sequential(random, shares, trials):
    """Whether comparisons of the most seeds without an effect are decided at some planned look, each at its share of the level."""
    counts = LOOKS["mini"]
    at = [(one.seeds, LEVEL * one.share) for one in (Look(counts, place) for place in range(len(counts)))]
    for _ in range(trials):
        d = drawn(random, shares, counts[-1], 60)
        yield any(abs(d[:seeds].mean()) > estimated(d[:seeds]).half(level) for seeds, level in at)


def test_all_planned_looks_together_decide_at_most_five_percent_under_the_null():
    """However much of the variance the looks have in common; 600 trials have a standard error of 0.9 points."""
    random = np.random.default_rng(0)
    for shares in SHARES:
        assert np.mean(list(sequential(random, shares, 600))) < LEVEL + 3 * 0.009, shares


@pytest.mark.slow
def test_all_planned_looks_together_decide_at_most_five_percent_to_within_a_third_of_a_point():
    random = np.random.default_rng(1)
    found = {shares: np.mean(list(sequential(random, shares, 5000))) for shares in SHARES}
    assert max(found.values()) < LEVEL + 0.0031, found


@pytest.mark.slow
def test_intervals_of_one_look_miss_more_often_where_seeds_stop_by_what_was_seen():
    """What docs/reporting.md says of them: with seeds alone, stopped by a verdict or by an interval within a point."""
    random, missed = np.random.default_rng(0), {}
    for effect in (0, 0.25, 0.5, 1, 2, 3):
        for spread in (0.5, 1, 1.6, 2.5, 4):
            drawn_seeds = effect + spread * random.standard_normal((20_000, LOOKS["mini"][-1]))
            going, wrong = np.ones(20_000, bool), 0
            for one in (Look(LOOKS["mini"], place) for place in range(3)):
                seen = drawn_seeds[:, : one.seeds]
                means, error = seen.mean(1), seen.std(1, ddof=1) / math.sqrt(one.seeds)
                half = stats.t.isf(LEVEL / 2, one.seeds - 1) * error
                decided = abs(means) > stats.t.isf(LEVEL * one.share / 2, one.seeds - 1) * error
                stops = going & (decided | (half <= 1) | (one.next is None))
                wrong += (stops & (abs(means - effect) > half)).sum()
                going &= ~stops
            missed[effect, spread] = wrong / 20_000
    assert 0.07 < max(missed.values()) < 0.085, missed


@pytest.mark.slow
def test_who_looks_after_each_seed_finds_more_than_there_is_but_not_at_the_level_of_looks():
    """What docs/reporting.md says of seeds that are added where a verdict is near."""
    random = np.random.default_rng(0)
    for shares in SHARES:
        naive = [early or last for early, last in looks(random, shares, LEVEL)]
        strict = list(looks(random, shares, LEVEL * EARLY))
        assert 0.04 < np.mean(naive) < 0.20, shares
        assert np.mean([early and not last for early, last in strict]) < 0.005 + 2 * 0.003, shares
        assert np.mean([early or last for early, last in strict]) < LEVEL + 0.005 + 2 * 0.009, shares


def test_power_is_how_often_a_true_effect_is_found():
    random = np.random.default_rng(1)
    for effect in (2.0, 3.0, 5.0):
        found = [drawn(random, (0.6, 0.3, 0.1), 10, 100) + effect for _ in range(800)]
        often = np.mean([each.mean() > estimated(each).half() for each in found])
        assert Parts(0.7, 0.4, 0.1, 9, 100, 10).power(effect) == pytest.approx(often, abs=0.06)


@pytest.mark.parametrize(
    ("shares", "effect"), [((0.9, 0.05, 0.05), 1.9), ((0.1, 0.8, 0.1), 2.0), ((0.3, 0.4, 0.3), -0.2)]
)
def test_the_chance_of_a_later_look_is_how_often_it_decides_on_the_same_rows(shares, effect):
    """Five seeds are kept, fifteen are drawn beside them at the effect and spread seen."""
    random, level = np.random.default_rng(5), LEVEL / 3
    old = drawn(random, shares, 5, 80)
    old += effect - old.mean()
    found = estimated(old)
    # |d| < 0.75, or more than nought
    distance, far = (0.75 - abs(effect), 0.75 + abs(effect)) if effect < 0 else (effect, math.inf)
    of_seeds, rest = math.sqrt(5 * max(0.0, found.seeds - found.rest)), math.sqrt(5 * 80 * found.rest)
    often = []
    for _ in range(2000):
        new = old.mean(0) + of_seeds * random.standard_normal((15, 1)) + rest * random.standard_normal((15, 80))
        every = np.vstack([old, new])
        mean, half = every.mean(), estimated(every).half(level)
        low, high = (-0.75, 0.75) if effect < 0 else (0.0, math.inf)
        often.append((low + half < mean < high - half) or mean < low - half or mean > high + half)
    assert found.chance(20, distance, level, far) == pytest.approx(np.mean(often), abs=0.05)


@pytest.mark.parametrize("effect", [1.0, 2.5, 4.0])
def test_power_where_the_larger_of_two_spreads_counts(effect):
    """Three seeds of six tasks alike: the own spread (2 degrees of freedom) is drawn with the others' (10)."""
    random = np.random.default_rng(3)
    own, others = random.chisquare(2, 40_000) / 2, random.chisquare(10, 40_000) / 10
    pooled = (2 * own + 10 * others) / 12
    half = np.where(own > pooled, stats.t.ppf(0.975, 2) * np.sqrt(own), stats.t.ppf(0.975, 12) * np.sqrt(pooled))
    often = np.mean(effect + random.standard_normal(40_000) > half)
    for freedom in (2, 12):  # whichever was the larger this time
        assert Parts(0.0, 1.0, 0.0, freedom, 0, 3, others=10).power(effect) == pytest.approx(often, abs=0.01)


@pytest.mark.parametrize("effect", [0.0, 0.3, -0.5])
def test_power_between_two_bounds_is_how_often_both_are_excluded(effect):
    random, bound = np.random.default_rng(2), 1.2
    means, spreads = effect + 0.5 * random.standard_normal(40_000), random.chisquare(9, 40_000) / 9
    half = stats.t.ppf(0.975, 9) * 0.5 * np.sqrt(spreads)
    often = np.mean((means - half > -bound) & (means + half < bound))
    known = Parts(0.0, 0.25, 0.0, 9, 0, 10)
    assert known.power(bound - abs(effect), far=bound + abs(effect)) == pytest.approx(often, abs=0.01)


@pytest.mark.parametrize("freedom", [1, 2, 4, 9])
@pytest.mark.parametrize("effect", [1.0, 2.5, 4.0])
def test_power_over_seeds_alone_is_that_of_a_t_test(freedom, effect):
    exact = stats.nct.sf(stats.t.ppf(0.975, freedom), freedom, effect)
    assert Parts(0.0, 1.0, 0.0, freedom, 0, freedom + 1).power(effect) == pytest.approx(exact, abs=0.001)


def test_as_many_more_as_it_says_are_enough_and_one_less_is_not():
    found = Parts(0.2, 0.5, 0.1, 4, 500, 5)
    more = found.more_seeds(1.0)
    assert found.with_seeds(5 + more).half() < 1.0 <= found.with_seeds(5 + more - 1).half()
    assert found.more_seeds(0.3) is None  # no number of seeds makes up for too few examples
    many = Parts(0.2, 0.12, 0.1, 4, 500, 5)
    factor = 1 + many.more_rows(0.8) / 500
    wider = Parts(0.2 / factor, 0.02 + 0.1 / factor, 0.1 / factor, 4, round(500 * factor), 5)
    assert wider.half() == pytest.approx(0.8, rel=0.01)
    assert found.more_rows(1.0) is None  # nor examples for too few seeds
    assert Parts(0.0, 0.5, 0.0, 4, 0, 5).more_rows(1.0) is None
    assert found.with_seeds(8).freedom == 7  # a task's own spread is known the better
    assert replace(found, freedom=12, count=3).with_seeds(4).freedom == 12  # and a pooled one counts up to four
    assert replace(found, freedom=12, count=3).with_seeds(5).freedom == 4


@pytest.mark.parametrize(("known", "distance"), [
    (Parts(0.05, 0.2, 0.1, 4, 500, 5), 1.0),  # the rest hides what the examples add
    (Parts(0.2, 0.05, 0.1, 4, 500, 5), 0.5),  # and what the seeds add
])  # fmt: skip
def test_more_rows_where_an_estimate_is_below_that_of_the_rest(known, distance):
    factor = 1 + known.more_rows(distance) / known.rows
    seeds, rest = max(0.0, known.seeds - known.rest), min(known.seeds, known.rest)
    wider = replace(known, examples=known.examples / factor, seeds=seeds + rest / factor, rest=known.rest / factor,
                    rows=round(factor * known.rows))  # fmt: skip
    assert wider.half() == pytest.approx(distance, rel=0.01)


def test_power_takes_no_variance_from_the_examples_where_seeds_are_below_the_rest():
    low, zero = Parts(0.5, 0.05, 0.1, 4, 500, 5), Parts(0.5, 0.05, 0.05, 4, 500, 5)
    half = low._halves(LEVEL)
    assert low.power(1.5) == pytest.approx(stats.norm.cdf((1.5 - half) / math.sqrt(0.5)).mean(), abs=1e-9)
    assert zero.power(1.5) < 1


def test_a_later_look_may_decide_on_either_side():
    known = Parts(0.0, 1.0, 0.0, 4, 0, 5)
    assert known.chance(20, 0.0, 0.5) > 0.4  # at the bound itself each side has half
