"""How long runs will take, from how long runs like them took."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lopa_bench.config.keys import lookup
from lopa_bench.study.spec import default_model
from lopa_bench.tasks.known import known
from lopa_bench.tasks.sources import EMBEDDED

if TYPE_CHECKING:
    from lopa_bench.results.read import Runs
    from lopa_bench.study.planned import PlannedRun

TIMELESS = {"train.lr", "train.encoder_lr", "train.weight_decay"}  # settings with which a run takes as long
# What the nearest runs have in common with a planned one, where no other seed of it has run; all have as many rows to report on.
COMMON = (("task", "model", "method"), ("task", "model"), ("task", "method"), ("task",), ("family",))


class Estimate:
    """Seconds of a run on this machine, the median of the nearest runs that exist: its other seeds, else those of `COMMON`.

    Of a run that is `told` what changes its time (settings that every planned run is given in place of its own) its other seeds alone.
    """

    def __init__(self, runs: Runs, scale: str, told: Mapping[str, Any] = MappingProxyType({})) -> None:
        self.runs, self.scale, self.told = of_this_kind_of_machine(runs), scale, told

    def one(self, run: PlannedRun) -> float | None:
        """One seed of a planned run; None where nothing like it has run yet."""
        wanted = run.told(self.told, self.scale)
        model = wanted.overrides.get("model") or default_model(self.scale, run.task)
        limit = wanted.overrides.get("data.limit") or 0
        usual, asked = ({**each.recipe(self.scale), **each.selector(self.scale)} for each in (run, wanted))
        changed = {key: value for key, value in asked.items() if key not in TIMELESS and usual.get(key) != value}
        same = {**run.selector(self.scale), **changed, "data.limit": limit or None, "model": model}
        if same.get("data.source") in EMBEDDED:
            same["data.source"] = EMBEDDED  # either test split: most of the time is training's
        own = self.runs.column("seconds", same)
        if own.notna().any():
            return float(own.median())
        if {*changed} - {"data.limit", "model", "kind"}:  # other epochs, say
            return None
        of = {"limit": limit, "task": run.task, "model": model, "method": run.method, "family": known(run.task).family}
        keys = [tuple(of[name] for name in ("limit", *names)) for names in COMMON]
        return next((medians[key] for key, medians in zip(keys, self._medians, strict=True) if key in medians), None)

    @cached_property
    def _medians(self) -> list[dict[Any, float]]:
        timed = self.runs.frame.dropna(subset=["seconds"])
        timed = timed.assign(limit=[lookup(config, "data.limit") or 0 for config in timed["config"]])
        return [timed.groupby(["limit", *names])["seconds"].median().to_dict() for names in COMMON]

    def seconds(self, run: PlannedRun) -> float | None:
        """All seeds of it together."""
        one = self.one(run)
        return None if one is None else one * len(run.seeds)


def of_this_kind_of_machine(runs: Runs) -> Runs:
    """Those made on a GPU where there is one here, else those made on a CPU; all, where they are of one kind."""
    devices = {*runs.frame["device"]}
    if len(devices) < 2 or "cpu" not in devices:
        return runs
    from lopa_bench.host.device import default_device

    return runs.only({"device": "cpu" if default_device().type == "cpu" else (*(devices - {"cpu"}),)})


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
