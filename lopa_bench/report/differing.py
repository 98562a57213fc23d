"""In what runs differ beside what they are compared for: what was asked of them, the rows they read, what computed them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lopa_bench.config.keys import leaves, spell
from lopa_bench.results.record import Result

Known = Mapping[str, str | None]  # what is known of a run, by the words for it; None: not known

ELSEWHERE = ("data.", "code.", "method.name", "model.encoder")  # of what determines a number: said in other words


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


def circumstances(result: Result, other: Result) -> dict[str, str | None]:
    """What may tell a run from another: what was asked of it, its rows and what computed it; — is a default, or no setting of its."""
    mine, theirs = dict(leaves(result.config)), dict(leaves(other.config))
    keys = [key for key in {**mine, **theirs} if not key.startswith(ELSEWHERE)]
    return {
        "method": result.method,
        "model": result.model,
        "encoder": result.encoder,
        **{key: spell(mine[key]) if key in mine else "—" for key in keys},
        "data.train_limit": spell(result.data.train_limit),
        "train rows": result.data.fingerprints.get("train"),
        "precision": result.precision,
        "device": result.device,
        "torch": result.versions.get("torch"),
        "commit": result.git.commit[:12] if result.git.commit else None,
    }
