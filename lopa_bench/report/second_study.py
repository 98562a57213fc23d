"""What the second study (`study.second`) says to the comparisons that the first one's looks left open and that ask for it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from lopa_bench.report.findings import CheckedClaim, Finding, concluded, correct
from lopa_bench.study import second
from lopa_bench.study.claim import Part


def with_second_study(first: CheckedClaim, tested: Callable[[Part], list[Finding]], scale: str) -> CheckedClaim:
    """The claim with the second study's findings in place of those that ask for it and whose runs are all there.

    Args:
        tested: the findings of a part on the second study's runs, not corrected yet.
    """
    tests = sum(finding.is_open for finding in first.findings)
    found = [_asking(finding, tests, scale) for finding in first.findings]
    asking = [place for place, finding in enumerate(found) if finding.asks_anew]
    there = {place: anew for place, anew in _measured(first, asking, tested) if anew.difference and anew.look.complete}
    corrected = correct(list(there.values()), to_come=len(asking) - len(there))
    for place, anew in zip(there, corrected, strict=True):
        found[place] = replace(anew, first=first.findings[place])
    return concluded(first.claim, found)


def _asking(finding: Finding, tests: int, scale: str) -> Finding:
    seeds = second.seeds(scale, finding.comparison.task)
    return finding.asking_anew(seeds, tests) if finding.is_open and seeds else finding


def _measured(
    first: CheckedClaim, places: Collection[int], tested: Callable[[Part], list[Finding]]
) -> Iterator[tuple[int, Finding]]:
    """The comparisons at these places of the claim as the second study has them."""
    before = 0
    for part in first.parts:
        own = [place for place in places if before <= place < before + len(part.findings)]
        comparisons = tuple(part.part.comparisons[place - before] for place in own)
        yield from zip(own, tested(replace(part.part, comparisons=comparisons)), strict=True)
        before += len(part.findings)
