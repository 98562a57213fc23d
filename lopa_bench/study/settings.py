"""What the runs behind a cell of a table are told, and over how many seeds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from lopa_bench.run import identity
from lopa_bench.study.looks import LOOKS
from lopa_bench.study.spec import RUN_DEFAULTS, Column, Row, default_model, scale_settings
from lopa_bench.study.tables import every
from lopa_bench.tasks.known import known

DRAW_NOTHING = ("none", "encoder_probe")  # methods of which every seed gives the same


def usual_settings(
    scale: str, task: str, method: str, model: str | None, freeze_encoder: bool | None = None
) -> dict[str, Any]:
    """What a row means that has no settings of its own: the recipe's value of every key of the method that some row of the study varies.

    These select, together with a row's own; a run with another value is another row's. What no row varies is the recipe.

    Args:
        freeze_encoder: the row's own word on its instance encoder, on which the recipe's other values may hang.
    """
    values = identity.recipe(scale, task, method, model, freeze_encoder)
    return {key: values[key] for key in _varied(scale) if key in values}


@cache
def _varied(scale: str) -> tuple[str, ...]:
    settings = (key for table in every(scale) for row in table.rows for key in row.settings)
    return tuple(dict.fromkeys(key for key in settings if key.startswith("method.")))


def overrides_of(row: Row, column: Column, scale: str) -> dict[str, Any]:
    """The overrides of a cell's runs: what differs from the defaults, ``{"task": "rte", "method": "lopa", …}``."""
    scales = default_model(scale, column.task)
    model = {} if column.model in (None, scales) else {"model": column.model}
    given = {**column.settings, **row.settings}
    frozen = given.get("method.freeze_encoder")
    defaults = {**RUN_DEFAULTS, **usual_settings(scale, column.task, row.method, column.model or scales, frozen)}
    kept = identity.as_kept(row.method, given)
    own = {key: value for key, value in given.items() if defaults.get(key) != kept[key]}
    return {**scale_settings(scale, column.task), "task": column.task, "method": row.method, **own, **model}


def seeds_of_looks(overrides: Mapping[str, Any], scale: str) -> tuple[int, ...]:
    """The seeds of each look at a cell: one where nothing is drawn, the scale's looks, or once as many as the task's tables want."""
    if overrides["method"] in DRAW_NOTHING:
        return (1,)
    return LOOKS.get(scale) or (known(str(overrides["task"])).about.seeds,)
