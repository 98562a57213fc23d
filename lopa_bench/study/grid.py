"""One fair grid: the same budget for every method, chosen on validation scores, and followed where it ends at an edge.

Every method is tried at the same learning rates, those whose prompt is written for an instance with each start of their heads, their
encoder frozen and trained apart (trained at the recipe's one rate for encoders, since a pretrained body and heads from scratch do not
share one). These runs have a part of the recipe's epochs; the best three settings of each are run again with all of them, and the best of
them is taken, its rate followed, too, where no lower or no higher one was tried. No method is tuned beyond it. On real data every run has
all epochs, and the heads' starts are the recipe's: what the embedded scale's grid found, in units of the widths.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from lopa_bench.config.files import choices, read
from lopa_bench.config.recipe import FREEZE, hyperparameters
from lopa_bench.study.plan import PlannedRun
from lopa_bench.study.settings import DRAW_NOTHING

if TYPE_CHECKING:
    from lopa_bench.results.read import Runs

SEED = 0
FINALISTS = (
    3  # settings of a contender that are run with all epochs: two of LOPA's misled on SST-2, where it learns late
)
RATES = (3e-4, 1e-3, 3e-3)
# Rates beyond these are the next rungs.
LADDER = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
RATE, START, FROZEN, EPOCHS = "train.lr", "method.init_std", f"method.{FREEZE}", "train.epochs"
VARIED = (RATE, "seed", "recipe")  # what no run is told but by the grid


@dataclass(frozen=True)
class Contender:
    """A method, and whether its encoder is frozen (None: it has none): what values are chosen for.

    Attributes:
        starts: the values of ``method.init_std``; None where it has none, or the recipe's.
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


Scores = Mapping[Point, float]  # the mean over the grid's tasks, of points with a result on each


@dataclass(frozen=True)
class Grid:
    """What is tried at a scale.

    Attributes:
        tasks: whose validation scores choose. starts: of the heads. encoders: frozen (True), trained (False).
        part: the first runs have the recipe's epochs over this; 1: all of them, and nothing is run twice.
        told: settings of every run; of these, what its result keeps tells it from others.
    """

    scale: str
    tasks: tuple[str, ...]
    starts: tuple[float | str | None, ...] = (None,)
    encoders: tuple[bool, ...] = (True,)
    part: int = 1
    told: Mapping[str, Any] = field(default_factory=dict)

    def contenders(self, methods: Sequence[str] = ()) -> list[Contender]:
        """All methods that train something, or some of them; what of a method can be varied is what its YAML holds."""
        found = []
        for name in methods or [name for name in choices("method") if name not in DRAW_NOTHING]:
            keys = read(f"method/{name}")
            starts = self.starts if "init_std" in keys else (None,)
            found += [Contender(name, frozen, starts) for frozen in (self.encoders if FREEZE in keys else (None,))]
        return found

    def run(self, point: Point, task: str) -> PlannedRun:
        """A point's run on one of the tasks: a run like any other."""
        method, frozen = point.contender.method, point.contender.frozen
        scale = {} if self.scale == "mini" else {"scale": self.scale}
        own: dict[str, Any] = {**scale, "task": task, "method": method, RATE: point.rate}
        if not point.whole:
            own[EPOCHS] = hyperparameters(self.scale, task, method, None)[EPOCHS] // self.part
        ways = {FROZEN: frozen, START: point.start}
        run = PlannedRun(own | {key: value for key, value in ways.items() if value is not None}, (SEED,))
        kept = {**run.selector(self.scale), **run.recipe(self.scale)}  # what its result will say of its settings
        told = {key: value for key, value in self.told.items() if key in kept}
        return replace(run, overrides={**run.overrides, **told})

    def points(self, contender: Contender, scores: Scores) -> list[Point]:
        """What of a contender is to be run: the grid; beyond it, where its best is at an edge; the finalists, to the end; beyond these."""
        whole = self.part == 1
        grid = [Point(contender, rate, start, whole) for start in contender.starts for rate in RATES]
        scouts = {point: score for point, score in scores.items() if point.whole == whole}
        best = choose(contender, scouts)
        if best is None or any(point not in scouts for point in grid):
            return grid
        if best.rung:
            return [*grid, replace(best.point, rate=best.rung)]
        if whole:
            return grid
        own = [point for point in scouts if point.contender == contender]
        finalists = [replace(point, whole=True) for point in _ranked(own, scouts)[:FINALISTS]]
        ended = choose(contender, scores) if all(point in scores for point in finalists) else None
        further = [replace(ended.point, rate=ended.rung)] if ended and ended.rung else []
        return [*grid, *finalists, *further]

    def missing(self, wanted: Sequence[Contender], runs: Runs) -> list[PlannedRun]:
        """The runs that the grid, or its continuation beyond an edge, has no result of yet."""
        scores = self.scores(runs, wanted)
        planned = [
            self.run(point, task) for task in self.tasks for each in wanted for point in self.points(each, scores)
        ]
        return [run for run in planned if self._score(runs, run) is None]

    def scores(self, runs: Runs, wanted: Sequence[Contender]) -> dict[Point, float]:
        """The mean validation score of every point that has a result on all tasks, those beyond the grid included."""
        found = self.scores_by_task(runs, wanted)
        return {point: sum(own.values()) / len(own) for point, own in found.items() if len(own) == len(self.tasks)}

    def scores_by_task(self, runs: Runs, wanted: Sequence[Contender]) -> dict[Point, dict[str, float]]:
        """The validation scores of every point that has a result on a task, by task."""
        found: dict[Point, dict[str, float]] = {}
        for point in self._conceivable(wanted):
            scores = {task: self._score(runs, self.run(point, task)) for task in self.tasks}
            if own := {task: score for task, score in scores.items() if score is not None}:
                found[point] = own
        return found

    def _conceivable(self, wanted: Sequence[Contender]) -> Iterator[Point]:
        for contender in wanted:
            for ways in product(LADDER, contender.starts, (True,) if self.part == 1 else (False, True)):
                yield Point(contender, *ways)

    def _score(self, runs: Runs, planned: PlannedRun) -> float | None:
        found = runs.where({**planned.selector(self.scale), **planned.recipe(self.scale), "seed": SEED})
        return None if found.empty else float(found["selection_score"].iloc[0])


# Standard deviations of heads at the embedded scale: what the authors' number means at these widths (0.046), twice and four times it.
GRIDS: Mapping[str, Grid] = {
    "mini": Grid("mini", ("rte", "sst2"), starts=("scaled", 0.1, 0.2), encoders=(True, False), part=3),
    "small": Grid("small", ("sst2",)),
}


def grid(scale: str, tasks: Sequence[str] = (), told: Mapping[str, Any] | None = None) -> Grid:
    """The scale's grid, or one like it of other tasks; what is told is the same in all runs, and is not varied."""
    told = told or {}
    own = GRIDS[scale]
    return replace(
        own,
        tasks=tuple(tasks) or own.tasks,
        told={key: value for key, value in told.items() if key != FROZEN},
        starts=(None,) if START in told else own.starts,
        encoders=(told[FROZEN] == "true",) if FROZEN in told else own.encoders,
        part=1 if EPOCHS in told else own.part,
    )


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


def _ranked(of: list[Point], scores: Scores) -> list[Point]:
    """Best first; the lower rate of equals."""
    return sorted(of, key=lambda point: (-scores[point], point.rate))


def applies(method: str, key: str) -> bool:
    """Whether a method can be told a setting: of an instance encoder where it has one, of a method where its YAML has it."""
    keys = read(f"method/{method}")
    section, _, name = key.partition(".")
    return FREEZE in keys if key == "encoder" else section != "method" or name in keys
