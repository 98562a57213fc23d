"""Accuracy and F1 as GLUE reports them, in percent."""

from __future__ import annotations

from collections.abc import Sequence


def classification_scores(
    gold: Sequence[str], predicted: Sequence[str], f1_label: str | None = None
) -> dict[str, float]:
    """Accuracy, F1 of `f1_label` (0 where undefined) and `glue`, the mean of both, or accuracy alone without `f1_label`.

    Raises:
        ValueError: if the two lengths differ or are zero.
    """
    if len(gold) != len(predicted) or not gold:
        raise ValueError(f"{len(predicted)} predictions for {len(gold)} labels")
    accuracy = 100 * sum(g == p for g, p in zip(gold, predicted, strict=True)) / len(gold)
    if f1_label is None:
        return {"accuracy": accuracy, "glue": accuracy}
    hits = sum(g == p == f1_label for g, p in zip(gold, predicted, strict=True))
    marked = sum(g == f1_label for g in gold) + sum(p == f1_label for p in predicted)
    f1 = 100 * 2 * hits / marked if hits else 0.0
    return {"accuracy": accuracy, "f1": f1, "glue": (accuracy + f1) / 2}
