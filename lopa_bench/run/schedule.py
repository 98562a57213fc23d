"""The learning rate over a run's steps."""

from __future__ import annotations

from collections.abc import Callable

from lopa_bench.config.schema import Train


def learning_rate_factor(settings: Train, total_steps: int) -> Callable[[int], float]:
    """Linear warm-up over `warmup` of all steps, then constant or linear to zero."""
    warmup = round(settings.warmup * total_steps)

    def factor(step: int) -> float:
        if step < warmup:
            return (step + 1) / (warmup + 1)
        if settings.schedule == "linear":
            return (total_steps - step) / max(1, total_steps - warmup)
        return 1.0

    return factor
