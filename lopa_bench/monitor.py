"""What a person sees while a run goes on: a bar on a terminal, nothing otherwise."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from lopa_bench.trackers import Tracker

if TYPE_CHECKING:
    from lopa_bench import train


class Monitor:
    """Shows a run's steps on standard error and hands history rows to its tracker."""

    def __init__(self, label: str, tracker: Tracker) -> None:
        self.label, self.tracker = label, tracker
        self._rows_sent = 0
        self._scores = ""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("loss {task.fields[loss]:.3f} · {task.fields[rate]:.0f} examples/s{task.fields[scores]} · left"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
            disable=not sys.stderr.isatty(),
        )
        self._task: Any = None

    def stage(self, what: str) -> None:
        """Say what happens before or after the steps."""
        if not self._bar.disable:
            self._bar.console.print(f"[dim]{self.label}: {what}[/dim]")

    def training(self, total_steps: int, done: int) -> None:
        self._bar.start()
        self._task = self._bar.add_task(
            self.label, total=total_steps, completed=done, loss=math.nan, rate=0.0, scores=""
        )

    def step(self, progress: train.Progress, loss: float) -> None:
        rate = progress.examples / max(progress.seconds, 1e-9)
        self._bar.update(self._task, completed=progress.step, loss=loss, rate=rate, scores=self._scores)
        self._send(progress)

    def epoch(self, progress: train.Progress, scores: Mapping[str, float]) -> None:
        self._scores = "".join(f" · {name} {value:.1f}" for name, value in scores.items())
        self.tracker.log(scores, progress.step)
        self._send(progress)

    def _send(self, progress: train.Progress) -> None:
        for row in progress.history[self._rows_sent :]:
            self.tracker.log({k: row[k] for k in ("loss", "lr", "epoch")}, int(row["step"]))
        self._rows_sent = len(progress.history)

    def __enter__(self) -> Monitor:
        return self

    def __exit__(self, *exception: object) -> None:
        self._bar.stop()
