"""After how many seeds a comparison is looked at, and what share of the level each look may spend: a group-sequential design.

Who adds seeds where a verdict is near and looks again finds more than there is. So the looks are fixed before the first run, and the
level is split among them: the shares add up to one, and by Bonferroni's inequality no more false verdicts than the level allows come of
all looks together, however much these have in common (the same test rows, the earlier seeds). What counts is the last look whose seeds are
there. A comparison that is decided asks for no further seeds, nor does one that the last look would hardly decide: to stop without a
verdict makes none that is false. Other comparisons may bring it more seeds all the same, by which a verdict can be lost. The share of a
look is in proportion to its seeds: an early verdict must be clear, and most of the level is left for the look that knows most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

# Looks by scale; others have one, at the seeds that the task's tables want. Every cell of the tables has the seeds of the first look.
LOOKS: Mapping[str, tuple[int, ...]] = {"mini": (5, 10, 20), "small": (3,)}

# Before the first look's seeds are all there a verdict takes a p that who looks again and again hardly ever meets by chance (Haybittle
# 1971, Peto et al. 1976), this share of the level: it adds at most half a point to the error of the look (tests/report/test_crossed.py).
EARLY = 1 / 50


@dataclass(frozen=True)
class Look:
    """One of the planned looks, the `place`-th of `counts` (the seeds of each); `complete`: whether these have all run."""

    counts: tuple[int, ...]
    place: int = 0
    complete: bool = True

    @property
    def seeds(self) -> int:
        return self.counts[self.place]

    @property
    def share(self) -> float:
        """Of the level, what it may spend."""
        return self.seeds / sum(self.counts) if self.complete else EARLY

    @property
    def next(self) -> Look | None:
        return replace(self, place=self.place + 1) if self.place + 1 < len(self.counts) else None

    @property
    def last(self) -> Look:
        return replace(self, place=len(self.counts) - 1)


ONCE = Look((1,))


def look_at(counts: tuple[int, ...], there: int) -> Look:
    """The last look whose seeds are `there`, or the first: seeds between two looks count with the later one."""
    place = max([place for place, seeds in enumerate(counts) if seeds <= there], default=0)
    return Look(counts, place, there >= counts[place])
