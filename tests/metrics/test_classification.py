"""Metrics of classification beside those that test_metric.py compares with scikit-learn's."""

from lopa_bench.metrics import classification


def confusion(tp, fn, fp, tn):
    pairs = [("1", "1")] * tp + [("1", "0")] * fn + [("0", "1")] * fp + [("0", "0")] * tn
    return [{"target": gold, "prediction": said} for gold, said in pairs]


def test_a_word_that_is_no_class_is_right_for_none():
    metric = classification.matthews(("0", "1"))
    for gold in ("0", "1"):
        assert metric.of([*confusion(3, 0, 0, 5), {"target": gold, "prediction": "maybe"}]) < 100
