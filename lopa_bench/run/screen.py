"""What a run says on standard error while it goes on. Imports no torch.

On a terminal that is a bar; elsewhere, in a log or behind a pipe, a line now and then with the same facts.
"""

from __future__ import annotations

import dataclasses
import math
import multiprocessing
import sys
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from lopa_bench.config.schema import Config
from lopa_bench.host.terminal import console, printable, say

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

SECONDS_BETWEEN_LINES = 10.0
SHORTEST_BAR = 10  # characters


@dataclasses.dataclass(frozen=True)
class Position:
    """How far training is.

    Attributes:
        epoch: the one that is trained, from 1. step: optimiser steps done. rate: examples a second.
        loss: the last one that was read; NaN before. scores: of the selection split, after the last epoch that was scored.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    seconds_left: float
    rate: float
    loss: float
    scores: Mapping[str, float]

    def facts(self) -> list[str]:
        """In words, the most important ones first."""
        return [
            f"epoch {self.epoch}/{self.epochs}",
            f"{timedelta(seconds=round(self.seconds_left))} left",
            f"{self.rate:,.0f} examples/s",
            *([] if math.isnan(self.loss) else [f"loss {self.loss:.3f}"]),
            *(f"{name} {value:.1f}" for name, value in self.scores.items()),
        ]


class Screen:
    """Says a run's stages and shows its steps. Of several processes side by side only the one that a person started does.

    Args:
        main: whether this process is the one of its run that shows anything.
    """

    def __init__(self, config: Config, main: bool) -> None:
        self.label = f"{config.task.name}/{config.method.name}"
        self._shown = main and multiprocessing.current_process().name == "MainProcess"
        self._bar: Bar | None = None
        self._task: Any = None
        self._told = time.monotonic()

    def say(self, what: str) -> None:
        """One line, with the run's task and method before it."""
        if self._shown:
            say(f"{self.label}: {what}", error=True)
            self._told = time.monotonic()

    def say_sometimes(self, what: str) -> None:
        """The same, if there is no bar and the last line is `SECONDS_BETWEEN_LINES` ago."""
        if not self._bar and time.monotonic() - self._told >= SECONDS_BETWEEN_LINES:
            self.say(what)

    def start(self, step: int, steps: int) -> None:
        """The steps begin: a bar appears where there is a terminal."""
        if self._shown and sys.stderr.isatty():
            self._bar = bar()
            self._bar.start()
            self._task = self._bar.add_task(self.label, total=steps, completed=step, facts=[])

    def step(self, position: Position) -> None:
        """A step is done: the bar grows, or a line is said now and then."""
        if self._bar:
            self._bar.update(self._task, completed=position.step, facts=position.facts())
        else:
            self.say_sometimes(", ".join(position.facts()))

    def stop(self) -> None:
        """The steps are over, or the run is: the bar goes."""
        if self._bar:
            self._bar.stop()
            self._bar = None


def bar(**of_console: Any) -> Bar:
    """A rich progress bar of one line whatever the terminal's width: facts that find no room are left out, the last ones first."""
    from rich.progress import BarColumn, Progress, ProgressColumn, Task
    from rich.table import Column
    from rich.text import Text

    screen = console(**({"stderr": True} | of_console))

    class Facts(ProgressColumn):
        def render(self, task: Task) -> Text:
            return Text(fitting([printable(task.description), *task.fields["facts"]], screen.width), no_wrap=True)

    return Progress(Facts(Column(no_wrap=True)), BarColumn(bar_width=None), console=screen, transient=True, expand=True)


def fitting(facts: list[str], width: int) -> str:
    """As many of the facts, one at least, as leave room for a bar."""
    text = facts[0][: width - SHORTEST_BAR - 1]
    for fact in facts[1:]:
        if len(text) + len(fact) + 2 + SHORTEST_BAR + 1 > width:
            break
        text += f"  {fact}"
    return text
