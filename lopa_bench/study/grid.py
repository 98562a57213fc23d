"""One fair grid: the same rates and the same rule for every method, chosen on validation scores, and followed where it ends at an edge.

Every method is tried at the same learning rates, those whose prompt is written for an instance with each start of their heads, their
encoder frozen and trained apart (trained at the recipe's one rate for encoders, since a pretrained body and heads from scratch do not
share one), and at the recipe's setting where it is none of these: a soft prompt's rate may be a hundred times the others', with nothing
learnt between, so that no edge leads there. These runs have a part of the recipe's epochs; the best three settings of each are run again
with all of them, and the best of them is taken. A best rate beyond which nothing was tried, however short, is followed. No method is
tuned beyond it. On real data every run has all epochs, and the heads' starts are the recipe's: what the embedded scale's grid found, in
units of the widths.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType

from lopa_bench.config.compose import load_config
from lopa_bench.config.files import choices, read
from lopa_bench.config.keys import key_of
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

Start = float | str | None


@dataclass(frozen=True)
class Contender:
    """A method, and whether its encoder is frozen (None: it has none): what values are chosen for.

    Attributes:
        starts: the values of ``method.init_std``; None where it has none, or the recipe's.
        recipe: the recipe's rates and starts on the grid's tasks.
    """

    method: str
    frozen: bool | None = None
    starts: tuple[Start, ...] = (None,)
    recipe: tuple[tuple[float, Start], ...] = ()

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
    start: Start = None
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
    starts: tuple[Start, ...] = (None,)
    encoders: tuple[bool, ...] = (True,)
    part: int = 1
    told: tuple[str, ...] = ()

    def contenders(self, methods: Sequence[str] = ()) -> list[Contender]:
        """All methods that train something, or some of them; what of a method can be varied is what its YAML holds."""
        found = []
        for name in methods or contending():
            starts = self.starts if "init_std" in read(f"method/{name}") else (None,)
            found += [self._with_recipe(Contender(name, frozen, starts)) for frozen in self._encoders(name)]
        return found

    def _encoders(self, method: str) -> Sequence[bool | None]:
        if FREEZE not in read(f"method/{method}"):
            return (None,)
        if FROZEN not in self._keys:
            return self.encoders
        return (not load_config(self._said(Contender(method), self.tasks[0])).method.trains_encoder,)

    def _with_recipe(self, contender: Contender) -> Contender:
        configs = [load_config(self._said(contender, task)) for task in self.tasks]
        varied = contender.starts != (None,)
        own = [(config.train.lr, vars(config.method)["init_std"] if varied else None) for config in configs]
        return replace(contender, recipe=tuple(dict.fromkeys(own)))

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(map(key_of, self.told))

    def words(self, point: Point, task: str) -> list[str]:
        """The overrides of a point's run on one of the tasks: a run like any other."""
        setting: dict[str, Start] = {RATE: f"{point.rate:g}", START: point.start}
        said = self._said(point.contender, task, setting)
        if not point.whole:  # of these only the validation scores are read
            said += [f"{EPOCHS}={max(1, load_config(said).train.epochs // self.part)}", "instance_rows=0"]
        return said

    def _said(self, contender: Contender, task: str, setting: Mapping[str, Start] = MappingProxyType({})) -> list[str]:
        """The overrides of a contender's run with a setting; without one, the recipe's."""
        frozen = None if contender.frozen is None else str(contender.frozen).lower()
        own = {"scale": self.scale, "task": task, "method": contender.method, "seed": 0, **setting, FROZEN: frozen}
        told = [word for word in self.told if applies(contender.method, key_of(word))]
        return [f"{key}={value}" for key, value in own.items() if value is not None and key not in self._keys] + told

    def points(self, contender: Contender, scores: Means) -> list[Point]:
        """What of a contender is to be run next: grid and recipe; beyond them, where its best is at an edge; finalists; beyond these."""
        whole = self.part == 1
        settings = dict.fromkeys([*((rate, start) for start in contender.starts for rate in RATES), *contender.recipe])
        grid = [Point(contender, *setting, whole) for setting in settings]
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
        rung: the rate beside its own on the `LADDER` that was not tried with its start; None where both were, or another scores as well.
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
    below, above = [rung for rung in LADDER if rung < best.rate], [rung for rung in LADDER if rung > best.rate]
    beyond = [rung for rung in below[-1:] + above[:1] if rung not in {point.rate for point in alike}]
    level = any(scores[point] == scores[best] for point in alike if point.whole == best.whole and point != best)
    return Chosen(best, scores[best], beyond[-1] if beyond and not level else None)


def _ranked(of: Sequence[Point], scores: Means) -> list[Point]:
    """Best first; the lower rate of equals."""
    return sorted(of, key=lambda point: (-scores[point], point.rate))


def contending() -> list[str]:
    """The methods that train something."""
    return [name for name in choices("method") if name not in DRAW_NOTHING]


def applies(method: str, key: str) -> bool:
    """Whether a method can be told a setting: of an instance encoder where it has one, of a method where its YAML has it."""
    keys = read(f"method/{method}")
    section, _, name = key.partition(".")
    return FREEZE in keys if key == "encoder" else section != "method" or name in keys
