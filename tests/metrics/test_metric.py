"""One definition scores a split and is resampled: both give the official scorers' numbers."""

import math

import numpy as np
import pytest
import sacrebleu
from running import needs

from lopa_bench.metrics import captions, classification, mteval, nlg, pass_at_k
from lopa_bench.tasks.known import known, names

OUTPUTS = ["The Punter is a cheap pub.", "Zizzi, in ÉTÉ, serves French food near the river", "Cotto", ""]
REFERENCES = [
    ["The Punter is a cheap pub.", "The Punter, a pub, is cheap."],
    ["Zizzi serves French food by the river in été."],
    ["Cotto is a coffee shop.", "Cotto sells coffee."] * 5,
    ["Nothing is said of it."],
]
LINES = [{"prediction": o, "target": r[0], "references": r} for o, r in zip(OUTPUTS, REFERENCES, strict=True)]


def confusion(tp, fn, fp, tn):
    pairs = [("1", "1")] * tp + [("1", "0")] * fn + [("0", "1")] * fp + [("0", "0")] * tn
    return [{"target": gold, "prediction": said} for gold, said in pairs]


@pytest.mark.parametrize("cells", [(6, 1, 2, 3), (1, 5, 4, 2), (50, 3, 7, 940)])
def test_matthews_correlation_of_two_classes_by_its_definition(cells):
    tp, fn, fp, tn = cells
    expected = (tp * tn - fp * fn) / math.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    assert classification.matthews(("0", "1")).of(confusion(*cells)) == pytest.approx(100 * expected, rel=1e-12)


def test_matthews_correlation_of_three_classes_is_scikit_learns():
    sklearn = needs("sklearn.metrics", "harness")
    random = np.random.default_rng(0)
    gold, said = (random.choice(["a", "b", "c"], 200, p=[0.6, 0.3, 0.1]).tolist() for _ in range(2))
    said[:120] = gold[:120]
    lines = [{"target": g, "prediction": s} for g, s in zip(gold, said, strict=True)]
    expected = 100 * sklearn.matthews_corrcoef(gold, said)
    assert classification.matthews(("a", "b", "c")).of(lines) == pytest.approx(expected, rel=1e-12)


def test_matthews_correlation_at_its_ends():
    metric = classification.matthews(("0", "1"))
    assert metric.of(confusion(3, 0, 0, 5)) == 100
    assert metric.of(confusion(0, 3, 5, 0)) == -100
    assert metric.of(confusion(3, 0, 5, 0)) == 0  # one class alone is said: undefined, 0 as in GLUE's scorer
    assert metric.of([*confusion(3, 0, 0, 5), {"target": "1", "prediction": "maybe"}]) < 100


@pytest.fixture
def no_java(monkeypatch):
    monkeypatch.setattr(captions, "java_available", lambda: False)


@pytest.mark.usefixtures("no_java")
def test_statistics_of_rows_give_the_score_of_the_split():
    assert nlg.E2E["bleu"].of(LINES) == pytest.approx(mteval.bleu(OUTPUTS, REFERENCES), rel=1e-12)
    assert nlg.WEBNLG_BY_SUBSET["bleu_all"].of(LINES) == nlg.webnlg(OUTPUTS, REFERENCES)["bleu"]
    verdicts = [[True, False, None], [False, False, False], [True, True, True]]
    for k in (1, 2):
        expected = pass_at_k.mean_pass_at_k(verdicts, [k])[f"pass@{k}"]
        assert pass_at_k.metric(k).of([{"correct": each} for each in verdicts]) == expected


@pytest.mark.usefixtures("no_java")
def test_corpus_bleu_is_sacrebleus():
    split = [nlg.split_words(text.lower()) for text in OUTPUTS]
    groups = [[nlg.split_words(text.lower()) for text in texts[:6]] for texts in REFERENCES]
    streams = [[texts[i] if i < len(texts) else None for texts in groups] for i in range(6)]
    expected = sacrebleu.corpus_bleu(split, streams, smooth_method="none", force=True).score
    assert nlg.webnlg(OUTPUTS, REFERENCES)["bleu"] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", names())
def test_every_task_shows_a_metric_that_can_be_resampled(name):
    metric = known(name).metrics[known(name).metric]
    assert metric.per_row
    assert metric.aggregate
    assert metric.label
    assert metric.higher_is_better


def test_what_is_told_of_a_metric():
    assert nlg.WEBNLG["ter"].axis == "TER (edits per word)"
    assert nlg.WEBNLG["ter"].arrow == " ↓"
    assert nlg.E2E["nist"].axis == "NIST"
    assert known("mrpc").metrics["glue"].axis == "GLUE score (%)"
