"""In what runs differ that no setting names: the rows they read, and what computed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Known = Mapping[str, str | None]  # what is known of a run, by the words for it; None: not known


def differing(pairs: Sequence[tuple[Known, Known]]) -> list[str]:
    """``device (cpu | NVIDIA H100)``: what some pair differs in, with the values that either side has there."""
    said = []
    for word in dict.fromkeys(word for a, _ in pairs for word in a):
        both = {(x, y) for a, b in pairs if (x := a.get(word)) and (y := b.get(word)) and x != y}
        if both:
            sides = (", ".join(sorted(set(side))) for side in zip(*both, strict=True))
            said.append(f"{word} ({' | '.join(sides)})")
    return said


def train_rows(fingerprint: str | None, limit: int | None) -> dict[str, str | None]:
    """Those of as many rows, of runs of one task, should be the same; that there are more or fewer is a setting."""
    return {train_words(limit): fingerprint}


def train_words(limit: int | None) -> str:
    """``2,000 train rows``: the words for the rows that a run was trained on, `limit` of them or all."""
    return f"{limit:,} train rows" if limit else "train rows"
