"""Windows on a run while it goes on. A tracker is never a store: every number it shows is in the run directory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lopa_bench.settings import settings


@settings
class Tracker:
    """Shows nothing."""

    def start(self, name: str, config: Mapping[str, Any]) -> None:
        """A run begins."""

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Values at an optimiser step."""

    def finish(self, metrics: Mapping[str, float]) -> None:
        """A run has its result."""
