"""What every tracker is. Imports no torch and no tracking package: those are imported when a run opens its window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from lopa_bench.config.fields import settings


@dataclass(frozen=True)
class RunInfo:
    """What a window may show of a run beside its numbers.

    Attributes:
        identity: digest and seed; the same when an interrupted run goes on.
        group: runs to be seen together: task/method.
        tags: task, method, model and scale.
    """

    name: str
    identity: str
    group: str
    tags: tuple[str, ...]
    config: Mapping[str, Any]
    directory: Path


class Window:
    """A run's open window. This one shows nothing."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Values at an optimiser step."""

    def close(self, metrics: Mapping[str, float] | None) -> None:
        """The run is over; `metrics` are its result, or None if it has none."""


class KeptWindow(Window):
    """A window on what lies on a disk, maybe from before: it begins with the first value, whose step says what of that still holds.

    A run that begins (again, with force=true) logs step 1 first, a killed one that goes on a step after that of its checkpoint.
    """

    begun = False

    def begin(self, step: int) -> None:
        """Leave of what is there what comes before this step."""

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Values at an optimiser step."""

    def end(self, metrics: Mapping[str, float] | None) -> None:
        """The run is over."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        if not self.begun:
            self.begin(step)
            self.begun = True
        self.write(values, step)

    def close(self, metrics: Mapping[str, float] | None) -> None:
        if not self.begun and metrics is not None:  # a run without steps
            self.begin(0)
            self.begun = True
        if self.begun:
            self.end(metrics)


@settings
class Tracker:
    """Settings of a tracker. This one shows nothing."""

    section: ClassVar[str] = "tracker"  # of a config: what it is made of must be derived from this class
    package: ClassVar[str | None] = None  # that it shows things with, if that is an extra

    def open(self, run: RunInfo) -> Window:
        """A run begins, or goes on."""
        return Window()
