"""What a run is that is given no hyperparameter, read from conf/ without composing a config: a report asks for hundreds."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from lopa_bench.config import files
from lopa_bench.config.resolve import FREEZE, Beyond, Resolving, plain


def families(recipe: str) -> list[str] | None:
    """The families of tasks that conf/recipe/<recipe>.yaml is for; None: all."""
    found: list[str] | None = files.read(f"recipe/{recipe}").get("families")
    return found


@files.cached_by_sources
def hyperparameters(
    scale: str, task: str, method: str, model: str | None, recipe: str = "paper", freeze_encoder: bool | None = None
) -> Mapping[str, Any]:
    """What a run is that is given no hyperparameter, as dotted keys of train, generation and method, and the model's precision.

    Read from conf/ without composing a config: a report asks for hundreds.

    Args:
        freeze_encoder: what the run is told of its instance encoder; None: nothing.
    """
    own = files.read(f"method/{method}")
    told = {} if freeze_encoder is None else {FREEZE: freeze_encoder}
    root = Resolving(
        {
            **files.read("config"),
            "scale": files.read(f"scale/{scale}"),
            "recipe": files.read(f"recipe/{recipe}"),
            "task": files.read(f"task/{task}"),
            "method": {**own, **told},
            "model": {"name": model},
        }
    )
    flat: dict[str, Any] = {}
    for section, values in (
        ("train", root["train"]),
        ("generation", root["generation"]),
        ("method", Resolving(own, root)),  # which says of `freeze_encoder` itself what a run has that is told nothing
    ):
        for key in values:
            with contextlib.suppress(Beyond, KeyError):  # what only OmegaConf can resolve, in a file of one's own
                flat |= {} if key.startswith("_") else {f"{section}.{key}": plain(values[key])}
    known = model is not None and model in files.choices("model")
    return {**flat, "precision": files.read(f"model/{model}")["precision"]} if known else flat
