"""pass@k is the chance that a draw of k samples holds one that passes."""

from itertools import combinations

import pytest

from lopa_bench.metrics.pass_at_k import mean_pass_at_k, pass_at_k


@pytest.mark.parametrize("n", range(1, 7))
def test_equals_the_share_of_all_draws(n: int):
    for c in range(n + 1):
        for k in range(1, n + 1):
            draws = list(combinations([True] * c + [False] * (n - c), k))
            assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))


def test_is_one_where_fewer_than_k_samples_fail_as_in_the_official_scorers():
    assert pass_at_k(n=1, c=0, k=5) == 1


def test_large_counts_stay_exact():
    assert pass_at_k(n=2000, c=1, k=100) == pytest.approx(100 / 2000, rel=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(3, 4, 1), (3, -1, 1), (3, 1, 0)])
def test_refuses_impossible_counts(n: int, c: int, k: int):
    with pytest.raises(ValueError, match="0 <= c <= n"):
        pass_at_k(n, c, k)


def test_mean_is_over_problems_not_samples_and_in_percent():
    scores = mean_pass_at_k([[True, False], [False, False, False, False]], ks=(1, 2))
    assert scores == {"pass@1": 25.0, "pass@2": 50.0}


def test_refuses_to_average_nothing():
    with pytest.raises(ValueError, match="nothing"):
        mean_pass_at_k([])
