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

    def begin(self, step: int) -> None:
        """Steps from this one on follow: 1 of a run that begins (again, with force=true), else the one after its checkpoint's."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Values at an optimiser step."""

    def close(self, metrics: Mapping[str, float] | None) -> None:
        """The run is over; `metrics` are its result, or None if it has none."""


@settings
class Tracker:
    """Settings of a tracker. This one shows nothing."""

    section: ClassVar[str] = "tracker"  # of a config: what it is made of must be derived from this class
    package: ClassVar[str | None] = None  # that it shows things with, if that is an extra
    how_to_log_in: ClassVar[str] = ""  # or to do without

    def logged_in(self) -> bool | None:
        """Whether this machine has the account that it shows things in; None where it needs none."""
        return None

    def open(self, run: RunInfo) -> Window:
        """A run begins, or goes on."""
        return Window()
