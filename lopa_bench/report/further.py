"""Which runs the next looks of undecided comparisons ask for, beyond those of the tables."""

from __future__ import annotations

from dataclasses import replace

from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.read import Runs
from lopa_bench.study import plan
from lopa_bench.study.claim import Contrast
from lopa_bench.study.tables import row_and_column


def further_runs(runs: Runs, scale: str) -> list[plan.PlannedRun]:
    """Both sides of every comparison that asks for more seeds, each once, with all seeds of the largest look that is asked of it."""
    asked = [
        replace(plan.cell(*row_and_column(row, contrast.task, scale), scale), seeds=tuple(range(finding.asked)))
        for claim in check_claims(runs, scale)
        for finding in claim.findings
        if finding.asked and isinstance(contrast := finding.comparison, Contrast)
        for row in (contrast.a, contrast.b)
    ]
    return plan.distinct(sorted(asked, key=lambda run: len(run.seeds)))
