"""One fair grid: the same rates and the same rule for every method, chosen on validation scores, and followed where it ends at an edge.

Every method is tried at the same learning rates, those whose prompt is written for an instance with each start of their heads, their
encoder frozen and trained apart (trained at the recipe's one rate for encoders, since a pretrained body and heads from scratch do not
share one). These runs have a part of the recipe's epochs; the best three settings of each are run again with all of them, and the best of
them is taken. A best rate beyond which nothing was tried, however short, is followed. No method is tuned beyond it. On real data every run
has all epochs, and the heads' starts are the recipe's: what the embedded scale's grid found, in units of the widths.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from lopa_bench.config.compose import load_config
from lopa_bench.config.files import choices, read
from lopa_bench.config.resolve import FREEZE
from lopa_bench.study.settings import DRAW_NOTHING

FINALISTS = (
    3  # settings of a contender that are run with all epochs: two of LOPA's misled on SST-2, where it learns late
)
RATES = (3e-4, 1e-3, 3e-3)
# Rates beyond these are the next rungs.
LADDER = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
RATE, START, FROZEN, EPOCHS = "train.lr", "method.init_std", f"method.{FREEZE}", "train.epochs"
# What no run is told but by the grid; what is of sweeps alone; and what it tells its short runs.
ITS_OWN = (RATE, "seed", "recipe", "selection", "force", "wait", "detach", "instance_rows")
FAILED = -math.inf  # the score of a setting with which a run does not end


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


Means = Mapping[Point, float]  # the mean over the grid's tasks, of points with a result on each


@dataclass(frozen=True)
class Grid:
    """What is tried.

    Attributes:
        tasks: whose validation scores choose. starts: of the heads. encoders: frozen (True), trained (False).
        part: the first runs have the recipe's epochs over this; 1: all of them, and nothing is run twice.
        told: overrides of every run; those of a method or an instance encoder go to methods that have them.
    """

    scale: str
    tasks: tuple[str, ...]
    starts: tuple[float | str | None, ...] = (None,)
    encoders: tuple[bool, ...] = (True,)
    part: int = 1
    told: tuple[str, ...] = ()

    def contenders(self, methods: Sequence[str] = ()) -> list[Contender]:
        """All methods that train something, or some of them; what of a method can be varied is what its YAML holds."""
        found = []
        for name in methods or [name for name in choices("method") if name not in DRAW_NOTHING]:
            keys = read(f"method/{name}")
            starts = self.starts if "init_std" in keys else (None,)
            found += [Contender(name, frozen, starts) for frozen in self._encoders(name)]
        return found

    def _encoders(self, method: str) -> Sequence[bool | None]:
        if FREEZE not in read(f"method/{method}"):
            return (None,)
        if FROZEN not in self._keys:
            return self.encoders
        return (
            not load_config(
                self.words(Point(Contender(method), RATES[0], whole=True), self.tasks[0])
            ).method.trains_encoder,
        )

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(map(key_of, self.told))

    def words(self, point: Point, task: str) -> list[str]:
        """The overrides of a point's run on one of the tasks: a run like any other."""
        method = point.contender.method
        own = {"scale": self.scale, "task": task, "method": method, "seed": 0, RATE: f"{point.rate:g}"}
        frozen = None if point.contender.frozen is None else str(point.contender.frozen).lower()
        ways = {FROZEN: frozen, START: point.start}
        own |= {key: value for key, value in ways.items() if value is not None and key not in self._keys}
        said = [f"{key}={value}" for key, value in own.items()]
        said += [word for word in self.told if applies(method, key_of(word))]
        if not point.whole:  # of these only the validation scores are read
            said += [f"{EPOCHS}={max(1, load_config(said).train.epochs // self.part)}", "instance_rows=0"]
        return said

    def points(self, contender: Contender, scores: Means) -> list[Point]:
        """What of a contender is to be run next: the grid; beyond it, where its best is at an edge; the finalists, whole; beyond these."""
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
        own = [point for point in scouts if point.contender == contender and scouts[point] > FAILED]
        finalists = [replace(point, whole=True) for point in _ranked(own, scouts)[:FINALISTS]]
        ended = choose(contender, scores) if all(point in scores for point in finalists) else None
        further = [replace(ended.point, rate=ended.rung)] if ended and ended.rung else []
        return [*grid, *finalists, *further]


# Standard deviations of heads at the embedded scale: what the authors' number means at these widths (0.046), twice and four times it.
GRIDS: Mapping[str, Grid] = {
    "mini": Grid("mini", ("rte", "sst2"), starts=("scaled", 0.1, 0.2), encoders=(True, False), part=3),
    "small": Grid("small", ("sst2",)),
}


def grid(scale: str, tasks: Sequence[str] = (), told: Sequence[str] = ()) -> Grid:
    """The scale's grid, or one like it of other tasks; what is told is the same in all runs, and is not varied."""
    own, keys = GRIDS[scale], set(map(key_of, told))
    return replace(
        own,
        tasks=tuple(tasks) or own.tasks,
        told=tuple(told),
        starts=(None,) if START in keys else own.starts,
        part=1 if EPOCHS in keys else own.part,
    )


@dataclass(frozen=True)
class Chosen:
    """The values of a contender: where its mean validation score is highest, at the lowest rate of equals.

    Attributes:
        rung: the next rate, where its own is the lowest or highest that was tried with its start, and no other there scores as well: the
            best may lie beyond.
    """

    point: Point
    score: float
    rung: float | None


def choose(contender: Contender, scores: Means) -> Chosen | None:
    """The choice so far, among settings trained to the end where there are any; None where no run has ended."""
    own = [point for point in scores if point.contender == contender and scores[point] > FAILED]
    ranked = _ranked([point for point in own if point.whole] or own, scores)
    if not ranked:
        return None
    best = ranked[0]
    alike = [point for point in scores if point.contender == contender and point.start == best.start]
    tried = {LADDER.index(point.rate) for point in alike}
    here = LADDER.index(best.rate)
    beyond = [place for place in (here - 1, here + 1) if 0 <= place < len(LADDER) and place not in tried]
    level = any(scores[point] == scores[best] for point in alike if point.whole == best.whole and point != best)
    return Chosen(best, scores[best], LADDER[beyond[-1]] if beyond and not level else None)


def _ranked(of: Sequence[Point], scores: Means) -> list[Point]:
    """Best first; the lower rate of equals."""
    return sorted(of, key=lambda point: (-scores[point], point.rate))


def key_of(word: str) -> str:
    """The key that an override sets, also one with Hydra's ``+``, ``++`` or ``~`` before it."""
    return word.partition("=")[0].lstrip("+~")


def applies(method: str, key: str) -> bool:
    """Whether a method can be told a setting: of an instance encoder where it has one, of a method where its YAML has it."""
    keys = read(f"method/{method}")
    section, _, name = key.partition(".")
    return FREEZE in keys if key == "encoder" else section != "method" or name in keys
