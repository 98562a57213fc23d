"""One fair grid: the same budget for every method, chosen on validation scores of two tasks, and followed where it ends at an edge.

Every method is tried at the same learning rates, those whose prompt is written for an instance with each start of their heads, their
encoder frozen and trained apart (trained at one rate of its own, since a pretrained body and heads from scratch do not share one). These
runs have a third of the recipe's epochs; the best three settings of each are run again with all of them, and the best of them is taken, its
rate followed, too, where no lower or no higher one was tried. No method is tuned beyond it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from lopa_bench.config.files import choices, read
from lopa_bench.config.recipe import hyperparameters
from lopa_bench.study.plan import PlannedRun
from lopa_bench.study.settings import DRAW_NOTHING

if TYPE_CHECKING:
    from lopa_bench.results.read import Runs

SCALE = "mini"
TASKS = ("rte", "sst2")
SEED = 0
PART = 3  # the grid's runs have the recipe's epochs over this
FINALISTS = (
    3  # settings of a contender that are run with all of them: two of LOPA's misled on SST-2, where it learns late
)
# Rates beyond the grid are the next rungs.
LADDER = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
RATES = (3e-4, 1e-3, 3e-3)
# Standard deviations of heads: what the authors' number means at these widths (0.046), twice and four times it.
STARTS = ("scaled", 0.1, 0.2)
ENCODER_RATE = 3e-4  # of an encoder that is trained, whatever its heads'


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
    """One setting of a contender.

    Attributes:
        whole: trained for all epochs of the recipe.
    """

    contender: Contender
    rate: float
    start: float | str | None = None
    whole: bool = False

    def run(self, task: str) -> PlannedRun:
        own: dict[str, Any] = {"task": task, "method": self.contender.method, "train.lr": self.rate}
        if not self.whole:
            own["train.epochs"] = hyperparameters(SCALE, task, self.contender.method, None)["train.epochs"] // PART
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


@dataclass(frozen=True)
class Choice:
    """The values of a contender: where its mean validation score is highest, at the lowest rate of equals.

    Attributes:
        rung: the next rate, where its own is the lowest or highest that was tried with its start: the best may lie beyond.
    """

    point: Point
    score: float
    rung: float | None


def choose(contender: Contender, scores: Scores) -> Choice | None:
    """The choice so far, among settings trained to the end where there are any; None without any result."""
    own = [point for point in scores if point.contender == contender]
    ranked = _ranked([point for point in own if point.whole] or own, scores)
    if not ranked:
        return None
    best = ranked[0]
    tried = sorted(LADDER.index(point.rate) for point in own if point.start == best.start)
    here = LADDER.index(best.rate)
    up, down = LADDER[here + 1 : here + 2], LADDER[max(0, here - 1) : here]
    beyond = up if here == tried[-1] else down if here == tried[0] else ()
    return Choice(best, scores[best], *(beyond or (None,)))


def points(contender: Contender, scores: Scores) -> list[Point]:
    """What of a contender is to be run: the grid; beyond it, where its best rate is at an edge; the finalists, to the end; beyond these."""
    grid = [Point(contender, rate, start) for start in contender.starts for rate in RATES]
    scouts = {point: score for point, score in scores.items() if not point.whole}
    best = choose(contender, scouts)
    if best is None or any(point not in scouts for point in grid):
        return grid
    if best.rung:
        return [*grid, Point(contender, best.rung, best.point.start)]
    own = [point for point in scouts if point.contender == contender]
    finalists = [replace(point, whole=True) for point in _ranked(own, scouts)[:FINALISTS]]
    ended = choose(contender, scores) if all(point in scores for point in finalists) else None
    further = [Point(contender, ended.rung, ended.point.start, whole=True)] if ended and ended.rung else []
    return [*grid, *finalists, *further]


def _ranked(of: list[Point], scores: Scores) -> list[Point]:
    """Best first; the lower rate of equals."""
    return sorted(of, key=lambda point: (-scores[point], point.rate))


def read_scores(runs: Runs, wanted: list[Contender]) -> dict[Point, float]:
    """The mean validation score of every point that has a result on all tasks, those beyond the grid included."""
    found = scores_by_task(runs, wanted)
    return {point: sum(own.values()) / len(own) for point, own in found.items() if len(own) == len(TASKS)}


def scores_by_task(runs: Runs, wanted: list[Contender]) -> dict[Point, dict[str, float]]:
    """The validation scores of every point that has a result on a task, by task."""
    found: dict[Point, dict[str, float]] = {}
    for contender in wanted:
        for ways in product(LADDER, contender.starts, (False, True)):
            point = Point(contender, *ways)
            scores = {task: _score(runs, point.run(task)) for task in TASKS}
            if own := {task: score for task, score in scores.items() if score is not None}:
                found[point] = own
    return found


def _score(runs: Runs, planned: PlannedRun) -> float | None:
    found = runs.where({**planned.selector(SCALE), **planned.recipe(SCALE), "seed": SEED})
    return None if found.empty else float(found["selection_score"].iloc[0])
