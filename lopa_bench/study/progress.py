"""How far a grid is: what of it has run, what is missing, what was given up."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path

from lopa_bench.config.compose import load_config
from lopa_bench.run.story import finished
from lopa_bench.study.grid import FAILED, Contender, Grid, Point

Trial = tuple[Point, str]  # a point and the task of its run


class Progress:
    """What of a grid has run: each result found as its run itself would find it, by rows, weights and settings.

    Attributes:
        scores: the validation scores of points that have run on some task, by task; `FAILED` of a run that diverged.
        failed: the contenders with a run that ended for another reason than its setting (no memory, a dead process): they are left
            aside, since a choice among the settings that got through would be no choice.
    """

    def __init__(self, grid: Grid, wanted: Sequence[Contender], results: Path) -> None:
        """Raises `UserError` for a setting with which no run can work."""
        self.grid, self.wanted, self.results = grid, wanted, results
        self.scores: dict[Point, dict[str, float]] = {}
        self.failed: set[Contender] = set()
        self.look()

    @property
    def means(self) -> dict[Point, float]:
        """Over the tasks, of points that have a score on each."""
        tasks = self.grid.tasks
        return {point: sum(own.values()) / len(tasks) for point, own in self.scores.items() if len(own) == len(tasks)}

    def look(self) -> None:
        """Find what has ended since; what that asks for next may have ended, too."""
        for contender in self.wanted:
            while found := {point: own for point in self._points(contender) if (own := self._found(point))}:
                for point, own in found.items():
                    self.scores.setdefault(point, {}).update(own)

    def missing(self) -> list[Trial]:
        """The runs that the grid, or its continuation beyond an edge, has no result of yet."""
        points = [point for each in self.wanted if each not in self.failed for point in self._points(each)]
        return [(point, task) for task in self.grid.tasks for point in points if task not in self.scores.get(point, {})]

    def give_up(self, jobs: Sequence[Trial], diverged: Container[Trial]) -> bool:
        """Let the rest go on without those of the runs that have no result; whether there are any. Those that diverged are the worst."""
        left = [(point, task) for point, task in jobs if task not in self.scores.get(point, {})]
        for point, task in left:
            if (point, task) in diverged:
                self.scores.setdefault(point, {})[task] = FAILED
            else:
                self.failed.add(point.contender)
        return bool(left)

    def _points(self, contender: Contender) -> list[Point]:
        return self.grid.points(contender, self.means)

    def _found(self, point: Point) -> dict[str, float]:
        """Scores of a point that `scores` has not yet, by task."""
        found = {}
        for task in self.grid.tasks:
            if task not in self.scores.get(point, {}):
                config = replace(load_config(self.grid.words(point, task)), results_dir=self.results)
                if result := finished(config):
                    found[task] = result.selection_score
        return found
