"""Check the declared claims on the runs at hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pandas as pd

from lopa_bench.config.keys import lookup
from lopa_bench.errors import UserError
from lopa_bench.metrics.metric import Metric
from lopa_bench.report.choice import choose
from lopa_bench.report.differing import differing
from lopa_bench.report.findings import CheckedClaim, Finding, concluded, correct
from lopa_bench.report.resampling import RowScores, Whose, other_examples, read_scores
from lopa_bench.report.second_study import second_study_of, with_second_study
from lopa_bench.report.statistics import paired_difference, pool
from lopa_bench.results.history import saved_steps
from lopa_bench.results.read import Runs
from lopa_bench.results.record import Instance
from lopa_bench.study import plan, second
from lopa_bench.study.claim import SHARE, Claim, Contrast, Fewer, Linear, Part
from lopa_bench.study.claims import CLAIMS
from lopa_bench.study.looks import ONCE, Look, look_at
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.settings import seeds_of_looks
from lopa_bench.study.spec import Row
from lopa_bench.study.tables import row_and_column
from lopa_bench.tasks.known import as_run


def check_claims(
    runs: Runs, scale: str, *, fast: bool = False, claims: Sequence[Claim] = CLAIMS, seeds: int | None = None
) -> list[CheckedClaim]:
    """Every claim's verdict; p values are Holm-corrected over all comparisons of a claim that one study tests.

    Args:
        seeds: how many were planned in advance, to be looked at once; None: the study's looks, and the second study.
    """
    first = _Checker(runs, scale, fast, seeds)
    checked = [first.claim(claim) for claim in claims]
    if fast or seeds or any(key.startswith("data.") for key in runs.given):
        return checked
    anew, closer = (
        _Checker(second_study_of(runs, seeds_of), scale, fast, seeds, seeds_of)
        for seeds_of in (second.SEEDS, second.CLOSER)
    )
    return [with_second_study(claim, anew.part, closer.part, scale) for claim in checked]


@dataclass(frozen=True)
class _Checker:
    all: Runs
    scale: str
    fast: bool
    seeds: int | None
    once: Mapping[str, int] | None = None  # of each task, the seeds of a study that looks but once

    def claim(self, claim: Claim) -> CheckedClaim:
        return concluded(claim, correct([finding for part in claim.parts for finding in self.part(part)]))

    def part(self, part: Part) -> list[Finding]:
        found = [self.examine(comparison) for comparison in part.comparisons]
        samples = [item for item in found if isinstance(item, _Sample)]
        return [item.finding(samples) if isinstance(item, _Sample) else item for item in found]

    def examine(self, comparison: Contrast | Fewer | Linear) -> Finding | _Sample:
        rows = comparison.rows if isinstance(comparison, Linear) else (comparison.a, comparison.b)
        chosen = [choose(self.all, self.planned(row, comparison.task), self.scale) for row in rows]
        runs = [found.set_index("seed") for found, _ in chosen]
        missing = [row for row, found in zip(rows, runs, strict=True) if found.empty]
        if missing:
            planned = (self.planned(row, comparison.task).among(self.all.given, self.scale) for row in missing)
            return Finding(comparison, "no runs", missing=tuple(planned))
        there = set.intersection(*(set(side.index) for side in runs))
        at = look_at(self.seeds_of_looks(rows, comparison.task), len(there))
        found = self.compared(comparison, runs, at)
        notes = [f"{row.label}: {note}" for row, (_, note) in zip(rows, chosen, strict=True) if note]
        detail = "; ".join(
            filter(None, [found.detail, *dict.fromkeys(notes)])
        )  # of exchanged prompts both sides are one run
        encoders = tuple(sorted({encoder for side in runs for encoder in side["encoder"].dropna()}))
        return replace(found, detail=detail, look=at, encoders=encoders)

    def seeds_of_looks(self, rows: Sequence[Row], task: str) -> tuple[int, ...]:
        """The seeds of each look at a comparison of these rows."""
        if self.seeds or self.fast:
            return (self.seeds or 1,)
        if self.once:
            return (self.once[task],)
        return min((seeds_of_looks(self.planned(row, task).overrides, self.scale) for row in rows), key=max)

    def compared(
        self, comparison: Contrast | Fewer | Linear, runs: Sequence[pd.DataFrame], at: Look
    ) -> Finding | _Sample:
        models = sorted({model for side in runs for model in side["model"]})
        if not isinstance(comparison, Contrast) and len(models) > 1:
            return Finding(comparison, "undecided", f"the sides have other models: {', '.join(models)}")
        if isinstance(comparison, Linear):
            return _linear(comparison, runs)
        if isinstance(comparison, Fewer):
            return _fewer(comparison, *runs)
        a, b = runs
        both = sorted(set(a.index) & set(b.index))
        counted = both[: at.seeds]
        found = self.sample(comparison, a, b, counted)
        told = _not_counted(len(both), at)
        if beside := differing([(_circumstances(a.loc[seed]), _circumstances(b.loc[seed])) for seed in counted]):
            told.append(f"the two sides differ in {', '.join(beside)}")
        return replace(found, detail="; ".join(filter(None, [found.detail, *told])))

    def planned(self, row: Row, task: str) -> PlannedRun:
        return plan.cell(*row_and_column(row, task, self.scale), self.scale, self.fast)

    def sample(self, contrast: Contrast, a: pd.DataFrame, b: pd.DataFrame, seeds: Sequence[int]) -> Finding | _Sample:
        if not seeds:
            return Finding(contrast, "undecided", "the two sides share no seed")
        pairs = [(a.loc[seed], b.loc[seed]) for seed in seeds]
        if unlike := differing([(_compared_on(x), _compared_on(y)) for x, y in pairs]):
            return Finding(contrast, "undecided", f"the two sides have other things to learn: {', '.join(unlike)}")
        if contrast.measure == "steps":
            savings = [saved_steps(run_a, run_b, SHARE) for run_a, run_b in pairs]
            known = [saving for saving in savings if saving is not None]
            if 2 * len(known) <= len(savings):
                without = f"of {len(savings) - len(known)} of {len(savings)} seeds"
                return Finding(
                    contrast, "undecided", f"{without} no evaluations in their history.csv, or no gain beyond chance"
                )
            return _Sample(contrast, known)
        key = contrast.metric
        if any(key not in run["metrics"] for both in pairs for run in both):
            return Finding(contrast, "undecided", f"not scored by {key}")
        if contrast.measure == "exchanged":
            return self.exchanged(contrast, [run for run, _ in pairs])
        effects = [x["metrics"][key] - y["metrics"][key] for x, y in pairs]
        scores = [(self.scores(x, contrast), self.scores(y, contrast)) for x, y in pairs]
        tests = [[lookup(run["config"], "data.fingerprints.test") for run in runs] for runs in pairs]
        if any(other_examples(*both) for both in zip(tests, scores, strict=True)):
            return Finding(contrast, "undecided", "the two sides were tested on other examples")
        return _paired(contrast, effects, scores)

    def exchanged(self, contrast: Contrast, runs: Sequence[pd.Series]) -> Finding | _Sample:
        """Runs with their own prompts against the same with exchanged ones."""
        asked = [run for run in runs if isinstance(run["instance"], Instance)]
        if not asked:
            return Finding(
                contrast, "undecided", "its results do not say: made with instance_rows=0, or before it was asked"
            )
        effects = [run["instance"].own - run["instance"].exchanged for run in asked]
        return _paired(
            contrast,
            effects,
            [(self.scores(run, contrast, "own"), self.scores(run, contrast, "exchanged")) for run in asked],
        )

    def scores(self, run: pd.Series, contrast: Contrast, prompts: Whose | None = None) -> RowScores | None:
        """A run's statistics; a file that is damaged or of other predictions is named among the warnings, and counts as none."""
        claimed = getattr(run["instance"], prompts) if prompts else run["metrics"].get(contrast.metric)
        try:
            metric = as_run(contrast.task, run["config"].get("task") or {}).metrics[contrast.metric]
            scores, problem = _scores(run["path"], metric, prompts, claimed)
        except UserError as error:
            scores, problem = None, f"{run['path']}: {error}"
        told = f"{problem}: its seeds count, its examples do not"
        if problem and told not in self.all.warnings:
            self.all.warnings.append(told)
        return scores


@dataclass(frozen=True)
class _Sample:
    """What the runs say to a contrast, before it is tested."""

    contrast: Contrast
    effects: list[float]
    a: tuple[RowScores, ...] = ()
    b: tuple[RowScores, ...] = ()
    detail: str = ""
    look: Look = ONCE
    encoders: tuple[str, ...] = ()

    def finding(self, part: Sequence[_Sample]) -> Finding:
        """Tested, if need be with the spread over seeds pooled over the part's tasks of the same kind."""
        kind = self.contrast.kind
        spread = pool([other.effects for other in part if other.contrast.kind == kind])
        difference = paired_difference(self.a, self.b, self.effects, self.contrast.region, spread, self.look.seeds)
        return Finding(self.contrast, "undecided", self.detail, difference, look=self.look, encoders=self.encoders)


@lru_cache(maxsize=4096)  # all that the claims compare at a scale: most are asked for by several claims
def _scores(path: Path, metric: Metric, prompts: Whose | None, claimed: float | None) -> tuple[RowScores | None, str]:
    """A run's statistics, None without predictions; and what is wrong with these, if anything."""
    try:
        return read_scores(path, metric, prompts, claimed), ""
    except UserError as error:
        return None, str(error)


def _not_counted(there: int, at: Look) -> list[str]:
    """What is said of seeds beyond those of a look; nothing where there are none."""
    left = there - at.seeds
    if left <= 0:
        return []
    if at.next:
        return [f"{left} more seed{'s' * (left > 1)} not counted before the look at {at.next.seeds}"]
    return [f"{left} more than planned not counted (seeds={there} takes all, and wants as many of every comparison)"]


def _compared_on(run: pd.Series) -> dict[str, str | None]:
    """What both sides of a comparison must have in common for its difference to be the method's."""
    return {"model": run["model"], "train rows": run["config"]["data"]["fingerprints"].get("train")}


def _circumstances(run: pd.Series) -> dict[str, str | None]:
    """What a comparison means to be alike on both sides, and moves a number by its rounding."""
    told = {"precision": run["computed_in"], "device": run["device"]}
    return {word: value for word, value in told.items() if isinstance(value, str)}


def _paired(
    contrast: Contrast, effects: list[float], scores: Sequence[tuple[RowScores | None, RowScores | None]]
) -> _Sample:
    """Of each seed its effect and both sides' rows; without these where some are missing or of other examples."""
    paired = [(x, y) for x, y in scores if x and y]
    if len(paired) < len(scores) or len({side.examples for both in paired for side in both}) > 1:
        return _Sample(contrast, effects, detail="no predictions of the same examples: seeds only")
    left, right = zip(*paired, strict=True)
    return _Sample(contrast, effects, left, right)


def _fewer(fewer: Fewer, a: pd.DataFrame, b: pd.DataFrame) -> Finding:
    ours, theirs = (int(side[fewer.counted].iloc[0]) for side in (a, b))
    return Finding(fewer, "holds" if ours < theirs else "fails", f"{ours:,} against {theirs:,}")


def _linear(linear: Linear, runs: Sequence[pd.DataFrame]) -> Finding:
    x = [float(lookup(found["config"].iloc[0], linear.setting)) for found in runs]
    y = [float(found["paper_parameters"].iloc[0]) for found in runs]
    slope = (y[-1] - y[0]) / (x[-1] - x[0])
    straight = np.allclose(y, [y[0] + slope * (value - x[0]) for value in x], rtol=0, atol=0.5)
    return Finding(linear, "holds" if straight else "fails", f"{slope:,.0f} more per unit")
