"""Accuracy and F1 as GLUE reports them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

# GLUE's headline number is the mean of accuracy and F1 for the two paraphrase tasks and accuracy
# for the others used here (Wang et al. 2019, https://arxiv.org/abs/1804.07461).
MEAN_WITH_F1 = frozenset({"mrpc", "qqp"})


def accuracy(predictions: Sequence[Hashable], labels: Sequence[Hashable]) -> float:
    """Percentage of predictions equal to their label.

    Raises:
        ValueError: the lengths differ, or there is nothing to score.
    """
    _check_lengths(predictions, labels)
    return 100 * sum(p == y for p, y in zip(predictions, labels, strict=True)) / len(labels)


def f1(
    predictions: Sequence[Hashable], labels: Sequence[Hashable], positive: Hashable = 1
) -> float:
    """F1 of the ``positive`` class in percent; 0 where it is undefined, as in scikit-learn.

    Raises:
        ValueError: the lengths differ, or there is nothing to score.
    """
    _check_lengths(predictions, labels)
    pairs = list(zip(predictions, labels, strict=True))
    hits = sum(p == y == positive for p, y in pairs)
    claimed = sum(p == positive for p, _ in pairs)
    actual = sum(y == positive for _, y in pairs)
    return 200 * hits / (claimed + actual) if hits else 0.0


def classification_scores(
    gold: Sequence[Hashable], predicted: Sequence[Hashable], f1_label: Hashable | None = None
) -> dict[str, float]:
    """Accuracy, F1 of ``f1_label`` and ``glue``, the mean of both; accuracy alone without ``f1_label``."""
    scores = {"accuracy": accuracy(predicted, gold)}
    if f1_label is not None:
        scores["f1"] = f1(predicted, gold, f1_label)
    scores["glue"] = sum(scores.values()) / len(scores)
    return scores


def glue(
    task: str,
    predictions: Sequence[Hashable],
    labels: Sequence[Hashable],
    positive: Hashable = 1,
) -> dict[str, float]:
    """GLUE metrics of one task, with its headline metric under ``glue``.

    Returns:
        ``accuracy`` and ``glue``, and ``f1`` for MRPC and QQP, where ``glue`` is their mean.
    """
    return classification_scores(labels, predictions, positive if task in MEAN_WITH_F1 else None)


def _check_lengths(predictions: Sequence[Hashable], labels: Sequence[Hashable]) -> None:
    if len(predictions) != len(labels):
        raise ValueError(f"{len(predictions)} predictions for {len(labels)} labels")
    if not labels:
        raise ValueError("there is nothing to score")
