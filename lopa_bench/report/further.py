"""Which runs undecided comparisons ask for, beyond those of the tables."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.read import Runs
from lopa_bench.study import plan, second
from lopa_bench.study.claim import Contrast
from lopa_bench.study.commands import words
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.tables import row_and_column


def further_runs(planned: Iterable[PlannedRun], runs: Runs, scale: str) -> list[PlannedRun]:
    """Those of the planned runs of which undecided comparisons ask for more seeds, with all of these.

    Where none does, those of the second study, and where all of these are there, those that bring an interval of it within a point.
    A comparison only one side of which is planned asks for nothing: the seeds of that side could not be counted.
    """
    there = {tuple(words(run.overrides)) for run in planned}
    looks: list[PlannedRun] = []  # whose seeds other claims' comparisons share
    anew: list[PlannedRun] = []
    closer: list[PlannedRun] = []
    for finding in [finding for claim in check_claims(runs, scale) for finding in claim.findings]:
        contrast = finding.comparison
        if not isinstance(contrast, Contrast) or not (finding.asks or finding.asks_anew):
            continue
        cells = [plan.cell(*row_and_column(row, contrast.task, scale), scale) for row in (contrast.a, contrast.b)]
        if not all(tuple(words(cell.overrides)) in there for cell in cells):
            continue
        if finding.asks:
            looks += [replace(cell, seeds=tuple(range(finding.asks))) for cell in cells]
        elif finding.asks_anew:
            asked = closer if finding.first else anew
            asked += [second.anew(cell, finding.asks_anew, contrast.measure == "steps") for cell in cells]
    return plan.distinct(sorted(looks or anew or closer, key=lambda run: (len(run.seeds), len(run.beside))))
