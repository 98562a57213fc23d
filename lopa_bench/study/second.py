"""The second study of the embedded scale: what the looks leave open is measured anew, once, on test rows and seeds that none of them had.

After the last look there is no further one: its share of the level is spent, and where test rows are what an interval hangs on, more
seeds would not help. But the embedded world can write as many rows as one wants. A comparison that is neither decided nor known to a
point when its looks are over asks for the second study, where that would decide it more often than not, or know it to a point, at the
effect and spread seen. There it is tested as if nothing had been seen of it: on `mini.FRESH` rows of a test split of their own, with seeds
from `FIRST` on, at one look and a level of its own (Holm's correction over those of its claim that ask for it). Which these are hangs on
the first study alone, and is settled when no comparison asks for a further look: so each study has a false verdict in about 5 % of claims
at most, and both together in 10 %, as long as nothing is added to the first once the second has been seen. Verdicts of the first stand.

How fast a method learns (C9) is measured more finely there: the first study evaluates after each of twelve epochs, before the first of
which all methods have learnt MNLI, so that it cannot tell what such a comparison would come to, and all that are open ask.

A comparison that is still undecided there, and that half as many seeds again would know to a point, gets these (`CLOSER`) once the
claim's others are there. They serve its interval alone: verdict and p are those of the one look. Added by an interval's width they would
leave it honest (Chow and Robbins 1965); that what is decided gets none makes up to 7 % of intervals miss, not 5.
"""

from __future__ import annotations

from collections.abc import Mapping

from lopa_bench import mini
from lopa_bench.study.planned import PlannedRun
from lopa_bench.tasks.sources import FRESH

# Seeds of a task: with so many, and its fresh rows, half of an interval is about a point at the spreads that the first study saw. Where
# rows are nearly all of a spread (CRUXEval), ten seeds do.
SEEDS: Mapping[str, int] = {
    **dict.fromkeys(("rte", "mrpc", "sst2", "qnli", "mnli"), 40),
    **dict.fromkeys(("cruxeval_i", "cruxeval_o"), 10),
    "qqp": 50,
}
CLOSER: Mapping[str, int] = {task: seeds + seeds // 2 for task, seeds in SEEDS.items()}
FIRST = 100  # its seeds begin here, far from those of the looks
EVALUATIONS = 10  # in an epoch, of runs whose speed is compared


def seeds(scale: str, task: str) -> int | None:
    """How many a comparison on this task gets in the second study; None where there is none."""
    return SEEDS.get(task) if scale == "mini" else None


def rows(task: str) -> int:
    """The test rows that it has there."""
    return mini.FRESH[task]


def anew(run: PlannedRun, seeds: int, speed: bool = False) -> PlannedRun:
    """A run of the tables as the second study has it.

    Args:
        seeds: how many.
        speed: whether it is its learning curve that is compared.
    """
    beside = {"instance_rows": 0} | ({"train.evaluations": EVALUATIONS} if speed else {})
    return PlannedRun({**run.overrides, "data.source": FRESH}, tuple(range(FIRST, FIRST + seeds)), beside)
