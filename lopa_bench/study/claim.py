"""What a claim is made of: comparisons of rows on tasks, and how many of them must come out true."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from lopa_bench.study.spec import Row
from lopa_bench.tasks.known import known

SHARE = 0.9  # C9: of the gain over the majority class; the end of a curve is mostly noise


@dataclass(frozen=True)
class Region:
    """The differences for which a statement is true: ``low < A − B < high``, in points."""

    low: float = -math.inf
    high: float = math.inf

    def holds(self, effect: float) -> bool:
        return self.low < effect < self.high

    def at_stake(self, effect: float) -> list[float]:
        """The bounds to be tested: all of them from inside, the crossed one from outside."""
        if self.holds(effect):
            return [bound for bound in (self.low, self.high) if math.isfinite(bound)]
        return [self.low if effect <= self.low else self.high]


@dataclass(frozen=True)
class Contrast:
    """The statement that on this task A − B lies in the region.

    ``measure``: the task's headline metric, or ``steps``, the percentage of the slower one's steps
    that A saves (loses: below zero) on the way to nine tenths (SHARE) of what the lesser of both gains over the majority class, or
    ``exchanged``: A with its own prompts − B with prompts exchanged between instances, where A and B are the same runs.
    """

    task: str
    a: Row
    b: Row
    region: Region
    measure: Literal["score", "steps", "exchanged"] = "score"

    @property
    def metric(self) -> str:
        return known(self.task).metric

    @property
    def kind(self) -> str:
        """Tasks of one kind have differences of a like size."""
        return known(self.task).kind


@dataclass(frozen=True)
class Fewer:
    """The statement that on this task A trains fewer parameters than B: arithmetic, no test."""

    task: str
    a: Row
    b: Row
    counted: Literal["paper_parameters", "trained_parameters"]


@dataclass(frozen=True)
class Linear:
    """The statement that on this task the parameters of these rows lie on a line in their setting: arithmetic."""

    task: str
    rows: tuple[Row, ...]
    setting: str


@dataclass(frozen=True)
class Part:
    """A sentence of a claim, and how many of its comparisons must come out true."""

    text: str
    rule: Literal["every", "most"]
    comparisons: tuple[Contrast | Fewer | Linear, ...]


@dataclass(frozen=True)
class Claim:
    """A claim of the paper; it holds when all its parts do."""

    name: str
    text: str
    parts: tuple[Part, ...]
