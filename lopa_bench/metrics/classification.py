"""Accuracy, F1, the score that GLUE reports, and Matthews' correlation, in percent.

A line's ``target`` and ``prediction`` are class names: labels, or the words that stand for them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from lopa_bench.metrics.metric import Floats, Line, Metric, by_name, first, percent_mean, score

Maker = Callable[
    [tuple[str, ...], str | None], Metric
]  # class names, the one that F1 is of -> metric, the same for the same


@cache
def accuracy(classes: tuple[str, ...] = (), positive: str | None = None) -> Metric:
    """The fraction of lines whose prediction is the target."""
    return Metric("accuracy", "accuracy", per_row=_correct, aggregate=percent_mean)


@cache
def f1(classes: tuple[str, ...], positive: str | None) -> Metric:
    """F1 of the positive class; 0 where it is undefined."""
    return Metric("f1", "F1", per_row=_hits(positive), aggregate=lambda sums, n: 100 * _f1(sums))


@cache
def glue(classes: tuple[str, ...], positive: str | None) -> Metric:
    """What GLUE averages over: the mean of accuracy and F1 (MRPC, QQP); accuracy where no class is the positive one."""
    if positive is None:
        return Metric("glue", "GLUE score", per_row=_correct, aggregate=percent_mean)
    return Metric(
        "glue",
        "GLUE score",
        per_row=_hits(positive),
        aggregate=lambda sums, n: (100 * sums[..., 0] / n + 100 * _f1(sums)) / 2,
    )


@cache
def matthews(classes: tuple[str, ...], positive: str | None = None) -> Metric:
    """Matthews' correlation coefficient from the confusion matrix, for any number of classes (Gorodkin 2004); 0 where it is undefined.

    A prediction that is no class is one more column of the matrix.
    """
    number = {name: i for i, name in enumerate(classes)}
    size = len(classes)

    def per_row(lines: Sequence[Line]) -> Floats:
        cells = np.zeros((len(lines), size, size + 1))
        for row, line in enumerate(lines):
            cells[row, number[line["target"]], number.get(first(line["prediction"]), size)] = 1
        return cells.reshape(len(lines), -1)

    def aggregate(sums: Floats, n: int) -> Floats:
        matrix = sums.reshape(*sums.shape[:-1], size, size + 1)
        gold, said = matrix.sum(-1), matrix.sum(-2)
        right = matrix[..., :size].trace(axis1=-2, axis2=-1)
        covariance = right * n - (gold * said[..., :size]).sum(-1)
        spread = (n**2 - (gold**2).sum(-1)) * (n**2 - (said**2).sum(-1))
        value: Floats = 100 * np.where(spread > 0, covariance / np.sqrt(np.maximum(spread, 1)), 0.0)
        return value

    return Metric("matthews", "Matthews correlation", per_row=per_row, aggregate=aggregate)


METRICS: dict[str, Maker] = {
    "accuracy": accuracy,
    "f1": f1,
    "glue": glue,
    "matthews": matthews,
}  # by their name in a task


def classification_scores(
    gold: Sequence[str], predicted: Sequence[str], f1_label: str | None = None
) -> dict[str, float]:
    """Accuracy, F1 of `f1_label` (0 where undefined) and `glue`, the mean of both, or accuracy alone without `f1_label`.

    Raises:
        ValueError: if the two lengths differ or are zero.
    """
    if len(gold) != len(predicted) or not gold:
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} labels")
    names = ("accuracy", "f1", "glue") if f1_label is not None else ("accuracy", "glue")
    lines = [{"target": g, "prediction": p} for g, p in zip(gold, predicted, strict=True)]
    return score(by_name([METRICS[name]((), f1_label) for name in names]), lines)


def _correct(lines: Sequence[Line]) -> Floats:
    return np.array([[first(line["prediction"]) == line["target"]] for line in lines], dtype=float)


def _hits(positive: str | None) -> Callable[[Sequence[Line]], Floats]:
    """Whether a line is right, right about a positive, and how often its two sides name the positive class."""

    def per_row(lines: Sequence[Line]) -> Floats:
        sides = [(line["target"], first(line["prediction"])) for line in lines]
        return np.array(
            [(gold == said, gold == said == positive, (gold == positive) + (said == positive)) for gold, said in sides],
            dtype=float,
        )

    return per_row


def _f1(sums: Floats) -> Floats:
    hits, marked = sums[..., 1], sums[..., 2]
    value: Floats = 2 * hits / np.maximum(marked, 1)
    return value
