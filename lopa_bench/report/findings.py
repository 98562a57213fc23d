"""What the runs say to a claim: findings, and the rules by which they become verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from lopa_bench.report.crossed import LEVEL
from lopa_bench.report.statistics import Difference, holm
from lopa_bench.study import second
from lopa_bench.study.claim import Claim, Contrast, Fewer, Linear, Part
from lopa_bench.study.looks import ONCE, Look
from lopa_bench.study.planned import PlannedRun

POINT = 1.0  # of the metric: half of the interval of a difference that is known well, whatever its sign
WORTH = 0.2  # a further look is asked for where the last one decides at least as often as this, or knows to a point
WORTH_ANEW = 0.5  # and the second study, which costs more

Verdict = Literal["holds", "fails", "undecided", "no runs"]


@dataclass(frozen=True)
class Finding:
    """One comparison: what came out, or which runs, `missing`, would let it come out.

    Attributes:
        p_holm: corrected for the looks and for the claim's other comparisons; below `LEVEL` it is decided.
        look: where it stands in the planned looks. encoders: what read the instance in the runs compared; none where neither side does.
        chance: how often the last look would decide it; None where none is left, or nothing more is to be known.
        asks: the seeds of the next look, where it is worth its runs.
        asks_anew: the second study's, where that is; of a finding of the second study those with which it would be known to a point.
        chance_anew: how often it would decide; None of speed, which it measures otherwise.
        first: of a finding of the second study, the first one's.
        tested: the seeds that verdict and `p_holm` are of, where the difference is one of more.
    """

    comparison: Contrast | Fewer | Linear
    verdict: Verdict
    detail: str = ""
    difference: Difference | None = None
    p_holm: float | None = None
    missing: tuple[PlannedRun, ...] = ()
    look: Look = ONCE
    encoders: tuple[str, ...] = ()
    chance: float | None = None
    asks: int | None = None
    asks_anew: int | None = None
    chance_anew: float | None = None
    first: Finding | None = None
    tested: int | None = None

    @property
    def more_seeds(self) -> int | None:
        """Seeds with which a new plan of one look would decide it as often as not, beyond those there; 0: it is decided.

        None: no practical number, one seed, which does not tell, or further looks, which ask for themselves.
        """
        found = self.difference
        if found is None or found.more_seeds is None:
            return None
        if self.verdict != "undecided":
            return found.more_seeds
        return None if self.look.next else max(1, found.more_seeds, self.look.seeds - found.seeds)

    @property
    def leaning(self) -> Verdict:
        """The verdict; of an undecided comparison, which one its effect would have, were it certain: none at the bound itself."""
        if self.verdict != "undecided" or self.difference is None or not isinstance(self.comparison, Contrast):
            return self.verdict
        region, effect = self.comparison.region, self.difference.effect
        if effect in region.at_stake(effect):
            return "undecided"
        return "holds" if region.holds(effect) else "fails"

    @property
    def to_a_point(self) -> bool:
        """Whether it is undecided with all seeds of its look and yet known to within `POINT`."""
        found = self.difference
        if self.verdict != "undecided" or found is None or not self.in_points:
            return False
        return self.look.complete and found.seeds > 1 and 0 < found.high - found.effect <= POINT

    @property
    def in_points(self) -> bool:
        """Whether its difference is one of scores; steps are no points."""
        return isinstance(self.comparison, Contrast) and self.comparison.measure != "steps"

    @property
    def is_open(self) -> bool:
        """Whether it is a tested comparison that is neither decided nor known to a point, and asks for no further look."""
        tested = self.verdict == "undecided" and self.difference is not None and self.look.complete
        return tested and not self.to_a_point and not self.asks

    def asking_anew(self, seeds: int, tests: int) -> Finding:
        """The same, with whether it asks for a second study of so many seeds, as one of so many tests there: of speed it always does."""
        found = self.difference
        if found is None or found.known is None:
            return self
        if not self.in_points:
            return replace(self, asks_anew=seeds)
        known = found.known.anew(seeds, second.rows(self.comparison.task))
        chance = known.power(found.distance, LEVEL / tests, found.far)
        worth = chance >= WORTH_ANEW or known.half() <= POINT
        return replace(self, asks_anew=seeds, chance_anew=chance) if worth else self

    def asking_closer(self, seeds: int) -> Finding:
        """One of the second study, with whether it asks for so many seeds in all: where they would bring its interval within a point."""
        found = self.difference
        if not (self.is_open and self.in_points and found and found.known):
            return self
        return replace(self, asks_anew=seeds) if found.known.with_seeds(seeds).half() <= POINT else self

    def closer(self, there: Finding) -> Finding:
        """The same verdict with the interval of the more seeds that it asks for, once all are `there`."""
        found, look = there.difference, there.look
        if self.difference is None or found is None or not look.complete:
            return self
        levels = {name: getattr(self.difference, name) for name in ("power_level", "seeds_level", "rows_level")}
        more = replace(self, difference=replace(found, **levels), look=look, detail=there.detail)
        return replace(more, asks_anew=None, tested=self.difference.seeds)

    def looking_on(self, tests: int) -> Finding:
        """The same, with the chance of the last look and whether it asks for the next, as one of so many undecided tests."""
        found, last = self.difference, self.look.last
        if self.to_a_point or found is None or found.known is None or not (self.look.complete and self.look.next):
            return self
        chance = found.known.chance(last.seeds, found.distance, LEVEL * last.share / tests, found.far)
        worth = chance >= WORTH or (self.in_points and 0 < found.known.with_seeds(last.seeds).half() <= POINT)
        return replace(self, chance=chance, asks=self.look.next.seeds if worth else None)


@dataclass(frozen=True)
class CheckedPart:
    part: Part
    verdict: Verdict
    findings: tuple[Finding, ...]

    @property
    def encoders(self) -> list[str]:
        return sorted({encoder for finding in self.findings for encoder in finding.encoders})

    @property
    def leaning(self) -> Verdict:
        return by_rule(self.part.rule, [finding.leaning for finding in self.findings])


@dataclass(frozen=True)
class CheckedClaim:
    claim: Claim
    verdict: Verdict
    parts: tuple[CheckedPart, ...]

    @property
    def leaning(self) -> Verdict:
        return by_rule("every", [part.leaning for part in self.parts])

    @property
    def findings(self) -> list[Finding]:
        return [finding for part in self.parts for finding in part.findings]


def concluded(claim: Claim, findings: Iterable[Finding]) -> CheckedClaim:
    """The verdicts that these findings, one a comparison in the claim's order, make of its parts and of itself."""
    left = iter(findings)
    parts = []
    for part in claim.parts:
        own = tuple(islice(left, len(part.comparisons)))
        parts.append(CheckedPart(part, by_rule(part.rule, [finding.verdict for finding in own]), own))
    return CheckedClaim(claim, by_rule("every", [part.verdict for part in parts]), tuple(parts))


def correct(findings: Sequence[Finding], to_come: int = 0) -> list[Finding]:
    """Holm over the tests of one claim, then the verdict each test allows. A comparison with one seed is none.

    Each p is first divided by the share of the level that its look may spend (a weighted Bonferroni correction over the looks).
    The next to be decided is the one whose p falls first below `LEVEL` divided by the number of the undecided: at that level is counted
    what each of them needs.

    Args:
        to_come: tests of the same plan that are not there yet; they count, so that none of them takes a verdict back.
    """
    tested = {i: found for i, finding in enumerate(findings) if (found := finding.difference) and found.seeds > 1}
    ps = holm([*(min(1.0, found.p / findings[i].look.share) for i, found in tested.items()), *[1.0] * to_come])
    corrected = list(findings)
    for (i, found), p in zip(tested.items(), ps, strict=False):
        at_its_level = found.powered_at(LEVEL * findings[i].look.share)
        corrected[i] = replace(findings[i], verdict=_verdict(findings[i], p), p_holm=p, difference=at_its_level)
    undecided = [i for i in tested if corrected[i].verdict == "undecided"]
    for i in undecided:
        difference = corrected[i].difference
        assert difference is not None
        needed = difference.needed_at(LEVEL / len(undecided), LEVEL * corrected[i].look.share / len(undecided))
        corrected[i] = replace(corrected[i], difference=needed).looking_on(len(undecided))
    return corrected


def _verdict(finding: Finding, p_holm: float) -> Verdict:
    if finding.difference is None or p_holm >= LEVEL:
        return "undecided"
    contrast = finding.comparison
    assert isinstance(contrast, Contrast)
    return "holds" if contrast.region.holds(finding.difference.effect) else "fails"


def by_rule(rule: Literal["every", "most"], verdicts: Sequence[Verdict]) -> Verdict:
    """``every``: one failure is enough to fail. ``most``: more than half must hold."""
    if all(verdict == "no runs" for verdict in verdicts):
        return "no runs"
    needed = len(verdicts) if rule == "every" else len(verdicts) // 2 + 1
    if verdicts.count("holds") >= needed:
        return "holds"
    return "fails" if len(verdicts) - verdicts.count("fails") < needed else "undecided"
