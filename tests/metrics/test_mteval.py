"""BLEU and NIST against values printed by the challenge's own scorer.

Expected values: `measure_scores.py` of tuetschek/e2e-metrics on the same texts, its Perl script by default and its Python port
(`-p`) as the other variant. The Perl script prints four decimals.
"""

import pytest

from lopa_bench.errors import UserError
from lopa_bench.metrics import mteval

SHORT = (["the cat", "a b c d e f"], [["the cat sat"], ["a b c x d e f", "a b"]])
EMPTY = (["", "a b c d e f"], [["the cat sat"], ["a b c x d e f", "a b"]])
NO_FOURGRAM = (["x y z w", "a q c d"], [["the cat sat"], ["a b c x d e f", "a b"]])
ZEROS_AND_ACCENTS = (
    ["0 stars and 0 points 0 stars", 'É é 5.5, £20-25 "ok"'],
    [["0 stars and 0 stars", "0 points"], ["é É 5.5 , £20 - 25 &quot;ok&quot;"]],
)


@pytest.mark.parametrize(
    ("texts", "bleu", "nist"),
    [
        (SHORT, 0.3998, 3.7516),
        (EMPTY, 0.2609, 2.6113),
        (NO_FOURGRAM, 0.1051, 1.2194),
        (ZEROS_AND_ACCENTS, 0.7090, 4.3197),
        ((["wow", "hm"], [["wow"], ["hm x"]]), 0.6065, 0.7925),
    ],
)
def test_perl(texts, bleu, nist):
    assert mteval.bleu(*texts) / 100 == pytest.approx(bleu, abs=5.1e-5)
    assert mteval.nist(*texts) == pytest.approx(nist, abs=5.1e-5)


@pytest.mark.parametrize(
    ("texts", "bleu", "nist"),
    [
        (EMPTY, 9.52547799407595e-05, 3.254470105003892),
        (ZEROS_AND_ACCENTS, 0.8372698389453517, 3.8348654079631785),
    ],
)
def test_python_port(texts, bleu, nist):
    assert mteval.bleu(*texts, "python") / 100 == pytest.approx(bleu, rel=1e-9)
    assert mteval.nist(*texts, "python") == pytest.approx(nist, rel=1e-9)


@pytest.mark.parametrize("variant", ["perl", "python"])
def test_a_copy_of_one_reference_is_perfect_bleu(variant):
    texts = "the cheap pub by the river serves fish", "near the river , a pub with fish"
    assert mteval.bleu([texts[1]], [list(texts)], variant) == pytest.approx(100)


@pytest.mark.parametrize("variant", ["perl", "python"])
def test_nothing_written_is_worth_nothing(variant):
    assert mteval.nist([""], [["the cat sat"]], variant) == 0
    assert mteval.bleu([""], [["the cat sat"]], variant) == pytest.approx(0, abs=1e-2)


def test_an_unknown_variant_is_named():
    with pytest.raises(UserError, match=r"'ruby' is not one of perl, python"):
        mteval.bleu(["a"], [["a"]], "ruby")
