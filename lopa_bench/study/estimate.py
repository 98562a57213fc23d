"""How long runs will take, from how long runs like them took."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lopa_bench.config.keys import lookup
from lopa_bench.tasks.known import known

if TYPE_CHECKING:
    import pandas as pd

    from lopa_bench.study.plan import PlannedRun


class Estimate:
    """Seconds of a run, from runs that exist with as many rows: same task and method, else task, else family."""

    def __init__(self, frame: pd.DataFrame) -> None:
        timed = frame.dropna(subset=["seconds"])
        timed = timed.assign(limit=[lookup(config, "data.limit") or 0 for config in timed["config"]])
        self._by: list[dict[Any, float]] = [
            timed.groupby(keys)["seconds"].median().to_dict()
            for keys in (["limit", "task", "method"], ["limit", "task"], ["limit", "family"])
        ]

    def one(self, run: PlannedRun) -> float | None:
        """One seed of a planned run; None where nothing like it has run yet."""
        limit = run.overrides.get("data.limit", 0)
        keys = ((limit, run.task, run.method), (limit, run.task), (limit, known(run.task).family))
        return next((medians[key] for key, medians in zip(keys, self._by, strict=True) if key in medians), None)

    def seconds(self, run: PlannedRun) -> float | None:
        """All seeds of it together."""
        one = self.one(run)
        return None if one is None else one * len(run.seeds)


def describe(seconds: Iterable[float | None], processes: int = 1) -> str:
    """``about 12 min``, shared by ``processes``; says how many runs it could not guess."""
    seconds = list(seconds)
    known = [value for value in seconds if value is not None]
    unknown = len(seconds) - len(known)
    if not known:
        return "time unknown: nothing like it has run yet"
    minutes = sum(known) / processes / 60
    text = f"about {minutes / 60:.1f} h" if minutes > 90 else f"about {max(1, round(minutes))} min"
    return text + (f", and {unknown} settings of unknown time" if unknown else "")
