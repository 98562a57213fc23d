"""Corpus BLEU-4 from the n-gram counts of each row (Papineni et al. 2002), which sacrebleu makes: 13a tokens, closest reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from lopa_bench.metrics.metric import Floats, Line, Metric, first

# Columns of the statistics: length of the output, of its closest reference, matches and n-grams of the four orders.
LENGTH, REFERENCE, MATCHES, TOTALS = 0, 1, slice(2, 6), slice(6, 10)


def counts(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> Floats:
    """The statistics of each row, [N, 10]."""
    rows = []
    for output, texts in zip(outputs, references, strict=True):
        one = _sacrebleu().sentence_score(output, list(texts))
        rows.append([one.sys_len, one.ref_len, *one.counts, *one.totals])
    return np.array(rows, dtype=float)


@cache
def _sacrebleu() -> Any:
    """One for all, since it keeps the tokens of texts that it has seen: the references are asked for again by every run and epoch."""
    from sacrebleu.metrics.bleu import BLEU

    # With `effective_order` sacrebleu does not warn of single sentences; only its counts are used.
    return BLEU(force=True, effective_order=True)


def plain(sums: Floats, n: int = 0) -> Floats:
    """BLEU in percent without smoothing: an order without a match makes it 0."""
    with np.errstate(divide="ignore"):
        precision = np.exp(np.log(sums[..., MATCHES] / np.maximum(sums[..., TOTALS], 1)).mean(-1))
    value: Floats = 100 * _brevity(sums) * precision
    return value


def perl(sums: Floats, n: int = 0) -> Floats:
    """BLEU in percent as ``bleu_score`` of ``mteval-v13a-sig.pl`` closes the counts.

    The k-th order without a match counts as 1/2^k matches; an order without n-grams as perfect.
    """
    matches, totals = sums[..., MATCHES], sums[..., TOTALS]
    empty = (totals > 0) & (matches == 0)
    smoothed = np.where(empty, 0.5 ** np.cumsum(empty, axis=-1), matches)
    precision = np.exp(
        np.where(totals > 0, np.log(np.where(totals > 0, smoothed / np.maximum(totals, 1), 1)), 0).mean(-1)
    )
    value: Floats = np.where(sums[..., LENGTH] > 0, 100 * _brevity(sums) * precision, 0.0)
    return value


def metric(
    name: str,
    label: str,
    prepare: Callable[[str], str],
    aggregate: Callable[[Floats, int], Floats],
    references: int | None = None,
) -> Metric:
    """BLEU of lines whose texts go through `prepare` first, against the first `references` of each (None: all)."""

    def per_row(lines: Sequence[Line]) -> Floats:
        outputs = [prepare(first(line["prediction"])) for line in lines]
        wanted = [list(line.get("references") or [line["target"]])[:references] for line in lines]
        return counts(outputs, [[prepare(text) for text in texts] for texts in wanted])

    return Metric(name, label, per_row=per_row, aggregate=aggregate)


def _brevity(sums: Floats) -> Floats:
    value: Floats = np.exp(np.minimum(0.0, 1 - sums[..., REFERENCE] / np.maximum(sums[..., LENGTH], 1e-9)))
    return value
