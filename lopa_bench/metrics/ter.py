"""Translation edit rate, two ways: as WebNLG's GenerationEval and as its challenge of 2017.

An edit is an insertion, deletion or substitution of a word, or a shift of a phrase (Snover et al.
2006). The two scorers search for shifts differently and average differently, so their numbers
are not comparable.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

Words = tuple[str, ...]


def sentence_mean(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Mean over the instances of the lowest TER against any reference, as a fraction (pyter3).

    Args:
        outputs, references: text whose words are separated by white space. An empty reference
            gives 1, as in GenerationEval.
    """
    rates = [
        _lowest(tuple(output.split()), tuple(tuple(text.split()) for text in texts))
        for output, texts in zip(outputs, references, strict=True)
    ]
    return sum(rates) / len(rates)


def corpus(outputs: Sequence[str], references: Sequence[Sequence[str]]) -> float:
    """Total edits over the total of the mean reference lengths, as a fraction.

    This is the average of ``tercom`` 7.25. sacrebleu searches for shifts as tercom does; on the
    systems of the 2017 challenge the two counts differ by at most a few edits in ten thousand.
    """
    from sacrebleu.metrics.ter import TER

    scorer: Any = TER()  # sacrebleu's types know no missing reference
    return float(scorer.corpus_score(list(outputs), streams(references, fill=None)).score) / 100


def streams(references: Sequence[Sequence[str]], fill: str | None) -> list[list[str | None]]:
    """References as sacrebleu wants them: the first of every instance, the second of every, …"""
    most = max(map(len, references))
    return [[texts[k] if k < len(texts) else fill for texts in references] for k in range(most)]


@lru_cache(maxsize=2**14)
def _lowest(output: Words, references: tuple[Words, ...]) -> float:
    """Lowest TER; references that cannot beat the best one so far are not searched (it is slow)."""
    import pyter

    best = float("inf")
    for bound, reference in sorted((_lower_bound(output, r), r) for r in set(references)):
        if bound >= best:
            break
        best = min(best, pyter.ter(output, reference) if reference else 1.0)
    return best


def _lower_bound(output: Words, reference: Words) -> float:
    """Edits that no shift can save: the words of the longer text that the other does not have."""
    if not reference:
        return 1.0
    shared = sum((Counter(output) & Counter(reference)).values())
    return (max(len(output), len(reference)) - shared) / len(reference)
