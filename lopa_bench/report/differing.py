"""In what runs differ that no setting names: the rows they read, and what computed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def train_rows(data: Mapping[str, Any]) -> dict[str, str | None]:
    """``2,000 train rows`` or ``train rows``, and the fingerprint of those that a run was trained on, of what its result says was read.

    As many rows, of runs of one task, should be the same ones; that there are more or fewer is a setting.
    """
    limit = data["train_limit"]
    return {f"{limit:,} train rows" if limit else "train rows": data["fingerprints"].get("train")}
