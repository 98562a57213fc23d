"""What the second study (`study.second`) says to the comparisons that the first one's looks left open and that ask for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace

from lopa_bench.report.findings import CheckedClaim, Finding, concluded, correct
from lopa_bench.results.read import Runs
from lopa_bench.study import second
from lopa_bench.study.claim import Contrast, Part
from lopa_bench.tasks.sources import FRESH

Tested = Callable[[Part], list[Finding]]


def second_study_of(runs: Runs, seeds: Mapping[str, int]) -> Runs:
    """Those of the second study: on the second test split, and of so many seeds of its own for each task alone."""
    found = runs.only({**runs.given, "data.source": FRESH})
    last = second.FIRST + found.frame["task"].map(seeds)  # NaN, and so none, of a task without
    own = (found.frame["seed"] >= second.FIRST) & (found.frame["seed"] < last)
    return Runs(found.frame[own].reset_index(drop=True), found.warnings, found.refused, found.given)


def with_second_study(first: CheckedClaim, tested: Tested, closer: Tested, scale: str) -> CheckedClaim:
    """The claim with the second study's findings in place of those that ask for it and whose runs are all there.

    Nothing asks for it, and nothing of it counts, while one of the claim's comparisons asks for a further look: what the second study
    tests is settled when the first is over.

    Args:
        tested: the findings of a part on the second study's runs, not corrected yet.
        closer: the same with the more seeds of `second.CLOSER`. They count for the interval of a comparison that asks for them when the
            claim's others are there, and what is undecided stays so.
    """
    if any(finding.asks for finding in first.findings):
        return first
    tests = sum(_seeds(finding, scale) is not None for finding in first.findings)
    found = [
        finding.asking_anew(seeds, tests) if (seeds := _seeds(finding, scale)) else finding
        for finding in first.findings
    ]
    asking = [place for place, finding in enumerate(found) if finding.asks_anew]
    there = {place: anew for place, anew in _measured(first, asking, tested) if anew.difference and anew.look.complete}
    corrected = correct(list(there.values()), to_come=len(asking) - len(there))
    for place, anew in zip(there, corrected, strict=True):
        found[place] = replace(anew, first=first.findings[place])
    if len(there) == len(asking):
        found = [each.asking_closer(seeds) if (seeds := _closer_seeds(each)) else each for each in found]
        for place, more in _measured(first, [i for i in there if found[i].asks_anew], closer):
            found[place] = found[place].closer(more)
    return concluded(first.claim, found)


def _seeds(finding: Finding, scale: str) -> int | None:
    """Those that a comparison would get there; None of one that is not open, or that it has no answer to."""
    contrast = finding.comparison
    if not (isinstance(contrast, Contrast) and contrast.measure != "exchanged" and finding.is_open):
        return None
    return second.seeds(scale, contrast.task)


def _closer_seeds(finding: Finding) -> int | None:
    """Those that the interval of a comparison of the second study would get; None of one of the first."""
    return second.CLOSER[finding.comparison.task] if finding.first else None


def _measured(first: CheckedClaim, places: Collection[int], tested: Tested) -> Iterator[tuple[int, Finding]]:
    """The comparisons at these places of the claim as the second study has them, each by itself."""
    parts = [(part.part, comparison) for part in first.parts for comparison in part.part.comparisons]
    for place in places:
        part, comparison = parts[place]
        (finding,) = tested(replace(part, comparisons=(comparison,)))
        yield place, finding
