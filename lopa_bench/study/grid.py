"""One fair grid: the same budget for every method, chosen on validation scores of two tasks, and followed where it ends at an edge.

Every method is tried at the same learning rates, those whose prompt is written for an instance with each start of their heads, their
encoder frozen and trained apart (trained at one rate of its own, since a pretrained body and heads from scratch do not share one). No
method is tuned beyond it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lopa_bench.config.files import choices, read
from lopa_bench.study.plan import PlannedRun
from lopa_bench.study.settings import DRAW_NOTHING

if TYPE_CHECKING:
    from lopa_bench.results.read import Runs

SCALE = "mini"
TASKS = ("rte", "sst2")
SEED = 0
# Rates beyond the grid are the next rungs.
LADDER = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
RATES = (3e-4, 1e-3, 3e-3)
# Standard deviations of heads: what the authors' number means at these widths (0.046), twice and four times it.
STARTS = ("scaled", 0.1, 0.2)
ENCODER_RATE = (
    3e-4  # of an encoder that is trained, whatever its heads': the rate of full fine-tuning, whose body it is
)


@dataclass(frozen=True)
class Contender:
    """A method, and whether its encoder is frozen (None: it has none): what values are chosen for.

    Attributes:
        starts: the values of ``method.init_std``; None where it has none.
    """

    method: str
    frozen: bool | None = None
    starts: tuple[float | str | None, ...] = (None,)

    @property
    def label(self) -> str:
        encoder = {None: "", True: ", encoder frozen", False: ", encoder trained"}[self.frozen]
        return self.method + encoder


@dataclass(frozen=True)
class Point:
    """One setting of a contender."""

    contender: Contender
    rate: float
    start: float | str | None = None

    def run(self, task: str) -> PlannedRun:
        own: dict[str, Any] = {"task": task, "method": self.contender.method, "train.lr": self.rate}
        trained = ENCODER_RATE if self.contender.frozen is False else None
        ways = {
            "method.freeze_encoder": self.contender.frozen,
            "method.init_std": self.start,
            "train.encoder_lr": trained,
        }
        return PlannedRun(own | {key: value for key, value in ways.items() if value is not None}, (SEED,))


Scores = Mapping[Point, float]  # the mean over TASKS, of points with a result on each


def contenders(methods: tuple[str, ...] = ()) -> list[Contender]:
    """All methods that train something, or some of them; what of a method can be varied is what its YAML holds."""
    found = []
    for name in methods or [name for name in choices("method") if name not in DRAW_NOTHING]:
        keys = read(f"method/{name}")
        starts = STARTS if "init_std" in keys else (None,)
        found += [
            Contender(name, frozen, starts) for frozen in ((True, False) if "freeze_encoder" in keys else (None,))
        ]
    return found


def points(contender: Contender, scores: Scores) -> list[Point]:
    """The grid of a contender, and the next rung wherever what was tried so far is best at its edge."""
    grid = [Point(contender, rate, start) for start in contender.starts for rate in RATES]
    return grid + [point for start in contender.starts for point in _followed(contender, start, scores)]


def _followed(contender: Contender, start: float | str | None, scores: Scores) -> Iterator[Point]:
    """Beyond the grid: rungs up or down the ladder as long as the last one scored best of this start."""
    low, high = LADDER.index(RATES[0]), LADDER.index(RATES[-1])
    while True:
        tried = {rung: scores.get(Point(contender, LADDER[rung], start)) for rung in range(low, high + 1)}
        known = {rung: score for rung, score in tried.items() if score is not None}
        if len(known) < len(tried):
            return  # something of it is still to be run
        best = max(known, key=lambda rung: known[rung])
        if best == high and high + 1 < len(LADDER):
            high += 1
            yield Point(contender, LADDER[high], start)
        elif best == low and low > 0:
            low -= 1
            yield Point(contender, LADDER[low], start)
        else:
            return


@dataclass(frozen=True)
class Choice:
    """The values of a contender: where its mean validation score is highest, at the lowest rate of equals.

    Attributes:
        edge: whether its rate is the lowest or highest that was tried with its start, so that the best may lie beyond.
    """

    point: Point
    score: float
    edge: bool


def choose(contender: Contender, scores: Scores) -> Choice | None:
    """The choice so far; None without any result."""
    own = sorted((point for point in scores if point.contender == contender), key=lambda point: point.rate)
    if not own:
        return None
    best = max(own, key=lambda point: scores[point])
    rates = [point.rate for point in own if point.start == best.start]
    return Choice(best, scores[best], best.rate in (min(rates), max(rates)))


def read_scores(runs: Runs, wanted: list[Contender]) -> dict[Point, float]:
    """The mean validation score of every point that has a result on all tasks, those beyond the grid included."""
    found = scores_by_task(runs, wanted)
    return {point: sum(own.values()) / len(own) for point, own in found.items() if len(own) == len(TASKS)}


def scores_by_task(runs: Runs, wanted: list[Contender]) -> dict[Point, dict[str, float]]:
    """The validation scores of every point that has a result on a task, by task."""
    found: dict[Point, dict[str, float]] = {}
    for contender in wanted:
        for point in (Point(contender, rate, start) for start in contender.starts for rate in LADDER):
            scores = {task: _score(runs, point.run(task)) for task in TASKS}
            if own := {task: score for task, score in scores.items() if score is not None}:
                found[point] = own
    return found


def _score(runs: Runs, planned: PlannedRun) -> float | None:
    found = runs.where({**planned.selector(SCALE), **planned.recipe(SCALE), "seed": SEED})
    return None if found.empty else float(found["selection_score"].iloc[0])
