"""One cell of a table: which run it is, by the settings that its command has and by those that its result must have."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, get_args

from lopa_bench.config.fields import Kind
from lopa_bench.config.keys import spell
from lopa_bench.config.quoting import pair
from lopa_bench.run import identity
from lopa_bench.study.commands import words
from lopa_bench.study.settings import usual_settings
from lopa_bench.study.spec import PREFERRED, RUN_DEFAULTS, default_encoder, default_model, kind_of
from lopa_bench.tasks.known import known
from lopa_bench.tasks.places import own_files

if TYPE_CHECKING:
    from lopa_bench.results.read import Runs


@dataclass(frozen=True)
class PlannedRun:
    """One cell's settings, without its seeds.

    Attributes:
        overrides: what differs from the defaults, ``{"task": "rte", "method": "lopa", …}``.
        seeds: those that the table wants; the looks of the claims may ask for more.
        beside: what its command is told besides, on which no number depends.
    """

    overrides: Mapping[str, Any]
    seeds: tuple[int, ...]
    beside: Mapping[str, Any] = field(default_factory=dict)

    @property
    def task(self) -> str:
        return str(self.overrides["task"])

    @property
    def method(self) -> str:
        return str(self.overrides["method"])

    def settings(self, scale: str, given: Iterable[str] = ()) -> dict[str, Any]:
        """What the run of this cell's command has beside its recipe: fields, config keys; of its defaults, not those `given` otherwise."""
        model = self.overrides.get("model") or default_model(scale, self.task)
        plain = {**RUN_DEFAULTS, "data.limit": None, "data.train_limit": None, "model": model}
        plain |= {"data.source": "mini"} if scale == "mini" else {}
        left = {key: value for key, value in plain.items() if key not in given}
        own = dict(self.overrides)
        if "encoder" not in given:
            own["encoder"] = (own.get("encoder", default_encoder(model)), None)  # None: the method reads no instance
        usual = usual_settings(scale, self.task, self.method, model, self.overrides.get("method.freeze_encoder"))
        return identity.as_kept(self.method, {**left, **usual, **own})

    def selector(self, scale: str, given: Iterable[str] = ()) -> dict[str, Any]:
        """Those of its `settings` that a finished run must have to stand in this cell; of a model that may be another, its kind."""
        settings, free = self.settings(scale, given), PREFERRED.get(scale, ())
        kind = kind_of(settings["model"]) if "model" in free and "model" in settings else None
        return {k: v for k, v in settings.items() if k not in free} | ({"kind": kind} if kind else {})

    def chosen_by(self, scale: str) -> set[str]:
        """The keys that tell its runs from others: what it selects by, and hyperparameters."""
        return {*self.selector(scale), *(key for key in self.recipe(scale) if "." in key)}

    def recipe(self, scale: str, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Beside its `selector`, what the run of this cell's command has: its hyperparameters, the task's words and the model's.

        Of a value that hangs on the model's kind, where that may be either, both as a tuple.
        """
        own, given = self.settings(scale), given or {}
        model = given.get("model", own["model"])
        frozen, kind = self.overrides.get("method.freeze_encoder"), kind_of(own["model"])
        kinds = (kind,) if kind and "model" not in given else get_args(Kind)
        values = {
            **identity.recipe(scale, self.task, self.method, own["model"], frozen),
            **identity.of_task(self.task, kinds),
            **(identity.of_model(model) if isinstance(model, str) else {}),
            **own,
        }
        selector = self.selector(scale)
        return {key: value for key, value in values.items() if key not in selector and key not in given}

    def places(self, runs: Runs, scale: str) -> list[int]:
        """Where in the frame the runs of this cell's command are: on the recipe, with the task's own rows."""
        found = runs.places({**self.selector(scale, runs.given), **self.recipe(scale, runs.given)}).tolist()
        return [place for place in found if not own_files(known(self.task), runs.frame["config"].iloc[place]["data"])]

    def among(self, given: Mapping[str, Any], scale: str) -> PlannedRun:
        """The run that this cell lacks where only those with the settings `given` count (``--where``): it is told them too."""
        # Of another model's kind the cell asks, too; what else the scale leaves free may be the user's.
        fixed = {*self.overrides, "kind"} - ({*PREFERRED.get(scale, ())} - {"model"})
        settings = {*self.selector(scale), *self.recipe(scale)} - fixed
        told = {key: value if isinstance(value, tuple) else (value,) for key, value in given.items() if key in settings}
        typed = [f"{key}={spell(*values)}" for key, values in told.items() if len(values) == 1]
        return PlannedRun({**self.overrides, **dict(map(pair, typed))}, self.seeds)

    def instead(self, told: Mapping[str, Any], scale: str) -> dict[str, Any]:
        """What of `told`, which every run is given, takes the place of a setting of this one; the rest no number depends on."""
        named = {*self.selector(scale), *self.recipe(scale)}
        return {key: value for key, value in told.items() if key in named or identity.is_method_or_task(key)}

    def told(self, settings: Mapping[str, Any], scale: str) -> PlannedRun:
        """The run where every run is given these settings, without its seeds."""
        return PlannedRun({**self.overrides, **self.instead(settings, scale)}, ())

    @property
    def words(self) -> list[str]:
        """The overrides of its command, without a seed."""
        return words({**self.overrides, **self.beside})

    def argv(self) -> list[list[str]]:
        """One list of overrides for ``lopa-bench`` per seed."""
        return [[*self.words, f"seed={seed}"] for seed in self.seeds]
