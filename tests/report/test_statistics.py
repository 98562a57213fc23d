"""The tests, against scipy, hand counts and simulation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from synthetic import write_run

from lopa_bench.report.crossed import LEVEL
from lopa_bench.report.findings import Finding, correct
from lopa_bench.report.resampling import RowScores, bootstrap, jackknife, mcnemar, read_scores
from lopa_bench.report.statistics import holm, paired_difference, pool
from lopa_bench.study.claim import Region
from lopa_bench.study.claims import CLAIMS
from lopa_bench.study.looks import EARLY, Look, look_at
from lopa_bench.tasks.known import known

BETTER = Region(low=0.0)


def accuracy(correct):
    correct = np.asarray(correct, dtype=bool)
    return RowScores(correct[:, None].astype(float), lambda s, n: 100 * s[..., 0] / n, correct)


def test_mcnemar_is_a_binomial_test_of_the_flips():
    a = np.array([1] * 60 + [1] * 12 + [0] * 3 + [0] * 25, dtype=bool)
    b = np.array([1] * 60 + [0] * 12 + [1] * 3 + [0] * 25, dtype=bool)
    by_hand = 2 * sum(math.comb(15, k) for k in range(4)) / 2**15
    assert mcnemar(a, b) == pytest.approx(by_hand)
    assert mcnemar(a, b) == mcnemar(b, a)
    assert mcnemar(a, a) == 1.0


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_bootstrap_agrees_with_the_normal_theory_of_a_paired_mean():
    random = np.random.default_rng(1)
    a, b = random.random(500) < 0.8, random.random(500) < 0.7
    draws = bootstrap(accuracy(a), accuracy(b))
    difference = 100 * (a.astype(float) - b)
    assert draws.mean() == pytest.approx(difference.mean(), abs=0.2)
    assert draws.std() == pytest.approx(difference.std() / math.sqrt(500), rel=0.08)


def test_what_an_example_adds_to_a_mean_is_its_own_value():
    correct = np.array([1, 0, 0, 1, 1], dtype=bool)
    np.testing.assert_allclose(jackknife(accuracy(correct)), 100.0 * correct, atol=1e-9)


def test_t_over_seeds_is_scipys_where_nothing_is_pooled():
    effects = [2.0, 3.5, 1.0, 2.2]
    found = paired_difference([], [], effects, BETTER)
    expected = stats.ttest_1samp(effects, 0.0)
    assert found.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))


def test_pooling_adds_freedom_but_never_narrows_a_noisy_task():
    quiet, noisy = [5.0, 5.1, 4.9], [5.0, 9.0, 1.0]
    spread = pool([quiet, noisy])
    assert spread.freedom == 4
    assert spread.value == pytest.approx(math.sqrt((0.02 + 32) / 4))
    found = paired_difference([], [], noisy, BETTER, spread)
    own = stats.t.ppf(0.975, 2) * np.std(noisy, ddof=1) / math.sqrt(3)
    assert found.high - found.effect == pytest.approx(own)
    assert paired_difference([], [], quiet, BETTER, spread).p == pytest.approx(
        2 * stats.t.sf(5 / spread.value * math.sqrt(3), 4)
    )


def test_one_seed_is_never_significant_however_large_the_effect():
    found = paired_difference([accuracy([1] * 400)], [accuracy([0] * 400)], [100.0], BETTER)
    assert found.p == 1.0
    assert found.p_examples < 1e-50
    assert found.more_seeds is None  # nothing is known of others


def test_both_sources_of_chance_must_agree():
    random = np.random.default_rng(2)
    a, b = random.random(60) < 0.62, random.random(60) < 0.55
    effect = 100 * (a.mean() - b.mean())
    steady = [effect - 0.1, effect, effect + 0.1]  # seeds agree, 60 examples cannot
    found = paired_difference([accuracy(a)] * 3, [accuracy(b)] * 3, steady, BETTER)
    assert found.p > 0.05
    assert found.more_rows is None or found.more_rows > 0


def test_level_is_kept_under_the_null():
    """Two methods that differ by chance alone are told apart in at most about 5 % of trials."""
    random = np.random.default_rng(3)
    wrong = 0
    for _ in range(200):
        pairs = []
        for _ in range(3):
            p = 0.75 + 0.02 * random.standard_normal(2)  # seeds differ
            pairs.append([accuracy(random.random(200) < value) for value in p])
        a, b = zip(*pairs, strict=True)
        effects = [x.value - y.value for x, y in pairs]
        wrong += paired_difference(a, b, effects, BETTER).p < 0.05
    assert wrong <= 16


@pytest.mark.parametrize("times", [1, 2, 3])
def test_level_of_a_task_noisier_than_the_pool_it_is_in(times):
    """Its own spread, where that is the larger one, with its own freedom: near 5 %, not 15 %; docs/reporting.md tells these."""
    random = np.random.default_rng(6)
    trials, wrong = 3000, 0
    for _ in range(trials):
        noisy, *others = [scale * random.standard_normal(3) for scale in (times, 1, 1, 1, 1, 1)]
        wrong += paired_difference([], [], noisy, BETTER, pool([noisy, *others])).p < 0.05
    assert wrong / trials < {1: 0.05, 2: 0.07, 3: 0.07}[times] + 0.012


@pytest.mark.parametrize("seeds", [5, 10])
def test_from_five_seeds_on_a_task_stands_alone(seeds):
    """Neither lent a noisy task's spread nor a quiet one's: exact, and as powerful as a t test of its own."""
    random = np.random.default_rng(seeds)
    trials, wrong = 2000, np.zeros(2)
    for _ in range(trials):
        noisy, quiet, *others = [scale * random.standard_normal(seeds) for scale in (5, 0.2, 1, 1, 1, 1)]
        spread = pool([noisy, quiet, *others])
        found = [paired_difference([], [], effects, BETTER, spread) for effects in (noisy, quiet)]
        wrong += [each.p < 0.05 for each in found]
    assert found[1].p == pytest.approx(stats.ttest_1samp(quiet, 0.0).pvalue)
    assert (abs(wrong / trials - 0.05) < 0.015).all()  # three standard errors


@pytest.mark.parametrize("last", [2.0, 1.99])
def test_seeds_that_say_the_same_but_for_one_have_the_spread_of_the_others(last):
    effects = [2.0] * 9 + [last]
    spread = pool([effects, [1.0, -1.0] * 5])
    found = paired_difference([], [], effects, BETTER, spread)
    assert found.high - found.effect == pytest.approx(stats.t.ppf(0.975, 18) * spread.value / math.sqrt(10))


def test_the_seeds_planned_choose_the_rule_and_one_more_seed_undoes_nothing():
    """Of ten planned, three are no small study: their own spread, as five and ten have."""
    quiet, noisy = [5.0, 5.2, 4.9], [5.0, 9.0, 1.0]
    spread = pool([quiet, noisy])
    alone = paired_difference([], [], quiet, BETTER)
    assert paired_difference([], [], quiet, BETTER, spread, planned=10) == alone
    assert paired_difference([], [], quiet, BETTER, spread, planned=3).p > alone.p
    assert paired_difference([], [], quiet[:2], BETTER, spread, planned=3) == paired_difference(
        [], [], quiet[:2], BETTER
    )


def test_rounding_is_no_spread():
    assert paired_difference([], [], [0.1 + 0.2, 0.3, 0.3], BETTER).p == 0.25
    assert paired_difference([], [], [1e-16, 0.0, -1e-16], BETTER).p == 1.0


def test_equivalence_tests_both_bounds():
    inside = paired_difference([], [], [0.2, -0.1, 0.0], Region(-3.0, 3.0))
    assert inside.p < 0.05
    wide = paired_difference([], [], [3.0, -3.0, 0.5], Region(-3.0, 3.0))
    assert wide.p > 0.05
    outside = paired_difference([], [], [9.0, 9.2, 9.1], Region(-3.0, 3.0))
    assert outside.p < 0.05
    assert not Region(-3.0, 3.0).holds(outside.effect)


def test_how_many_more_seeds_is_enough():
    effects = [1.0, 3.0, 0.5]
    found = paired_difference([], [], effects, BETTER)
    total = 3 + found.more_seeds
    spread = np.std(effects, ddof=1)
    half = stats.t.ppf(0.975, total - 1) * spread / math.sqrt(total)  # the seeds to come are degrees of freedom, too
    assert half < found.effect
    assert stats.t.ppf(0.975, total - 2) * spread / math.sqrt(total - 1) >= found.effect


def test_needed_seeds_pass_holm_as_the_next_of_the_undecided():
    """Of three, one is decided; either of the others must come below half the level, and with as many seeds as are told it does."""
    contrast = CLAIMS[0].parts[0].comparisons[0]  # above zero
    each = [[9.0, 9.1, 8.9, 9.2, 9.0], [1.0, 3.0, 0.5, 2.0, -0.6], [1.0, -1.0, 0.5, 2.0, 0.5]]

    def tested(seeds):
        differences = [paired_difference([], [], effects, BETTER, planned=len(effects)) for effects in seeds]
        return correct([Finding(contrast, "undecided", difference=d, look=Look((d.seeds,))) for d in differences])

    sure, near, far = tested(each)
    assert [finding.verdict for finding in (sure, near, far)] == ["holds", "undecided", "undecided"]
    alone = near.difference.needed_at(0.05, 0.05).more_seeds
    assert alone < near.difference.more_seeds < far.difference.more_seeds
    for more, verdict in ((near.difference.more_seeds, "holds"), (near.difference.more_seeds - 1, "undecided")):
        seeds = 5 + more
        spread, mean = np.std(each[1], ddof=1), np.mean(each[1])
        drawn = stats.norm.ppf((np.arange(seeds) + 0.5) / seeds)
        alike = mean + spread * (drawn - drawn.mean()) / drawn.std(ddof=1)  # as many, of the same mean and spread
        assert [f.verdict for f in tested([each[0], alike.tolist(), each[2]])] == ["holds", verdict, "undecided"]


def test_before_the_planned_seeds_rows_and_power_are_those_of_the_smaller_p():
    """As many more rows bring p, corrected, below it; 0.05 is decided by far fewer, and more often."""
    random, contrast = np.random.default_rng(7), CLAIMS[0].parts[0].comparisons[0]
    shared = random.random((2, 600))
    sides = [[accuracy(row < rate)] * 3 for row, rate in zip(shared, (0.80, 0.78), strict=True)]
    effects = [
        100 * float(a.rows.mean() - b.rows.mean()) + shift for a, b, shift in zip(*sides, (-0.1, 0.0, 0.1), strict=True)
    ]
    found = paired_difference(*sides, effects, BETTER, planned=10)
    early, late = (
        correct([Finding(contrast, "undecided", difference=found, look=look_at((planned,), 3))])[0]
        for planned in (10, 3)
    )
    assert early.verdict == late.verdict == "undecided"
    rows = {LEVEL * finding.look.share: found.rows + finding.difference.more_rows for finding in (early, late)}
    for level, count in rows.items():
        wider = replace(found.known, examples=found.known.examples * found.rows / count, rows=count)
        assert wider.p(found.distance) == pytest.approx(level, rel=0.02)
    assert rows[LEVEL * EARLY] > rows[LEVEL]
    assert early.difference.power < late.difference.power == pytest.approx(found.power)
    few = replace(found)
    vars(few)["more_seeds"] = 2  # as if computed
    assert [Finding(contrast, "undecided", difference=few, look=look_at((n,), 3)).more_seeds for n in (10, 3)] == [7, 2]


def test_scores_of_a_run_are_its_metric(tmp_path):
    random = np.random.default_rng(4)
    correct = random.random(300) < 0.8
    folder = write_run(tmp_path, "rte", correct=correct)
    scores = read_scores(folder / "result.json", known("rte").metrics["glue"])
    assert scores.value == pytest.approx(100 * correct.mean())
    assert (scores.correct == correct).all()


def test_mrpc_is_the_mean_of_accuracy_and_f1(tmp_path):
    random = np.random.default_rng(5)
    correct = random.random(300) < 0.7
    folder = write_run(tmp_path, "mrpc", correct=correct)
    gold = np.arange(300) % 2
    said = np.where(correct, gold, 1 - gold)
    precision, recall = correct[said == 1].mean(), correct[gold == 1].mean()
    expected = 50 * (correct.mean() + 2 * precision * recall / (precision + recall))
    scores = read_scores(folder / "result.json", known("mrpc").metrics["glue"])
    assert scores.value == pytest.approx(expected)
    added, draws = jackknife(scores), [scores.rows[random.integers(0, 300, 300)].sum(0) for _ in range(2000)]
    assert added.mean() == pytest.approx(expected, abs=0.1)
    assert added.std() / math.sqrt(300) == pytest.approx(np.std([scores.aggregate(d, 300) for d in draws]), rel=0.08)
    assert scores.correct is None  # not a mean of rights and wrongs: McNemar does not apply


def test_bleu_of_resampled_counts_is_sacrebleus(tmp_path):
    import sacrebleu

    outputs = ["The Punter is a cheap pub .", "Zizzi serves French food near the river .", "Cotto"]
    references = [
        ["The Punter is a cheap pub .", "The Punter , a pub , is cheap ."],
        ["Zizzi serves French food by the river ."],
        ["Cotto is a coffee shop .", "Cotto sells coffee .", "A coffee shop is Cotto ."],
    ]
    lines = [
        {"index": i, "prediction": [o], "target": r[0], "references": r}
        for i, (o, r) in enumerate(zip(outputs, references, strict=True))
    ]
    folder = write_run(tmp_path, "e2e", predictions=lines, metrics={"bleu": 1.0})
    streams = [[r[i] if i < len(r) else None for r in references] for i in range(3)]
    expected = sacrebleu.corpus_bleu(outputs, streams, lowercase=True, smooth_method="none").score
    assert read_scores(folder / "result.json", known("e2e").metrics["bleu"]).value == pytest.approx(expected)


def test_several_samples_per_problem_give_pass_at_1_without_mcnemar(tmp_path):
    lines = [
        {"index": 0, "prediction": ["a", "b"], "target": "", "correct": [True, False]},
        {"index": 1, "prediction": ["a", "b"], "target": "", "correct": [True, None]},  # one that does not count
    ]
    folder = write_run(tmp_path, "mbpp", predictions=lines, metrics={"pass@1": 75.0})
    scores = read_scores(folder / "result.json", known("mbpp").metrics["pass@1"])
    assert scores.value == 75.0
    assert scores.correct is None


def test_one_example_tells_nothing():
    """Every draw of a bootstrap of one example is that example: no interval, and no p of 1 in 1,000."""
    found = paired_difference([accuracy([1])], [accuracy([0])], [100.0], BETTER)
    assert (found.rows, found.p, found.p_examples, found.more_rows) == (1, 1.0, None, None)
    assert math.isnan(found.low)
    assert math.isnan(found.high)
