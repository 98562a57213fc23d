"""What the runs say to a claim: findings, and the rules by which they become verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from lopa_bench.report.crossed import LEVEL
from lopa_bench.report.statistics import Difference, holm
from lopa_bench.study import plan
from lopa_bench.study.claim import Claim, Contrast, Fewer, Linear, Part

# Before all planned seeds are there, a comparison is decided by a p that who looks again and again hardly ever meets by chance (Haybittle
# 1971, Peto et al. 1976): looks after each of 3 to 9 seeds add at most half a point to the error of the tenth (test_crossed.py).
LOOK = LEVEL / 50
POINT = 1.0  # of the metric: half of the interval of a difference that is known well, whatever its sign

Verdict = Literal["holds", "fails", "undecided", "no runs"]


@dataclass(frozen=True)
class Finding:
    """One comparison: what came out, or which runs, `missing`, would let it come out.

    Planned are the seeds of the study's tables; `encoders` read the instance in the runs compared (none where neither side reads it).
    """

    comparison: Contrast | Fewer | Linear
    verdict: Verdict
    detail: str = ""
    difference: Difference | None = None
    p_holm: float | None = None
    missing: tuple[plan.PlannedRun, ...] = ()
    planned_seeds: int = 0
    encoders: tuple[str, ...] = ()

    @property
    def level(self) -> float:
        """The corrected p below which it is decided: `LEVEL` with all planned seeds, `LOOK` before."""
        return LEVEL if self.difference and self.difference.seeds >= self.planned_seeds else LOOK

    @property
    def more_seeds(self) -> int | None:
        """Seeds with which it would be decided as often as not: at least those planned, since before them it takes more.

        None: no practical number, or one seed, which does not tell.
        """
        found = self.difference
        if found is None or found.more_seeds is None:
            return None
        return (
            found.more_seeds
            if self.verdict != "undecided"
            else max(1, found.more_seeds, self.planned_seeds - found.seeds)
        )

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
        """Whether it is undecided with all planned seeds and yet known to within `POINT`; steps are no points."""
        found, of = self.difference, self.comparison
        if self.verdict != "undecided" or found is None or not isinstance(of, Contrast) or of.measure == "steps":
            return False
        return found.seeds >= max(2, self.planned_seeds) and 0 < found.high - found.effect <= POINT


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


def correct(findings: Sequence[Finding]) -> list[Finding]:
    """Holm over the tests of one claim, then the verdict each test allows. A comparison with one seed is none.

    The next to be decided is the one whose p falls first below `LEVEL` divided by the number of the undecided: at that level is counted
    what each of them needs.
    """
    tested = [i for i, finding in enumerate(findings) if finding.difference and finding.difference.seeds > 1]
    ps = holm([findings[i].difference.p for i in tested])  # type: ignore[union-attr]
    corrected = list(findings)
    for i, p in zip(tested, ps, strict=True):
        at_its_level = findings[i].difference.powered_at(findings[i].level)  # type: ignore[union-attr]
        corrected[i] = replace(findings[i], verdict=_verdict(findings[i], p), p_holm=p, difference=at_its_level)
    undecided = [i for i in tested if corrected[i].verdict == "undecided"]
    for i in undecided:
        difference = corrected[i].difference
        assert difference is not None
        needed = difference.needed_at(LEVEL / len(undecided), corrected[i].level / len(undecided))
        corrected[i] = replace(corrected[i], difference=needed)
    return corrected


def _verdict(finding: Finding, p_holm: float) -> Verdict:
    if finding.difference is None or p_holm >= finding.level:
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
