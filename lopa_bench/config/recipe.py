"""What a scale's recipe gives to a task, its model and a method: ``${setting:KEY}``, for runs and for the report."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from lopa_bench.config import files
from lopa_bench.config.keys import lookup

SECTIONS = ("train", "generation", "method")
FREEZE = "freeze_encoder"  # the setting that other settings hang on


def setting(
    key: str,
    recipe: Mapping[str, Any],
    scale: Mapping[str, Any],
    task: str,
    family: str,
    model: str | None,
    method: str,
    trains_encoder: bool,
) -> Any:
    """The recipe's, else the scale's value of `key` for this task, its family with this model, or its family.

    Each has a second table for runs that train their instance encoder, `NAME/encoder_trained`, which is asked first. A mapping is looked up
    by method; one that has neither the method nor a `default` is passed over.
    """
    value = recipe.get(key)
    if value is None:
        names = [task, f"{family}/{model}", family]
        if trains_encoder:
            names = [each for name in names for each in (f"{name}/encoder_trained", name)]
        tables = [scale.get(name) or {} for name in names]
        found = (table[key] for table in tables if key in table)
        value = next((each for each in found if not isinstance(each, Mapping) or {method, "default"} & set(each)), None)
    if isinstance(value, Mapping):
        value = value.get(method, value.get("default"))
    return value


def families(recipe: str) -> list[str] | None:
    """The families of tasks that conf/recipe/<recipe>.yaml is for; None: all."""
    found: list[str] | None = files.read(f"recipe/{recipe}").get("families")
    return found


def label_words(task: Mapping[str, Any]) -> list[str]:
    """The words that answer a task, in the order of its YAML; none where its answers are written."""
    return list((task.get("label_words") or {}).values())


def hyperparameters(
    scale: str, task: str, method: str, model: str | None, recipe: str = "paper", freeze_encoder: bool | None = None
) -> Mapping[str, Any]:
    """What a run is that is given no hyperparameter, as dotted keys of train, generation and method, and the model's precision.

    Read from conf/ without composing a config: a report asks for hundreds.

    Args:
        freeze_encoder: what the run is told of its instance encoder; None: nothing.
    """
    return _hyperparameters(tuple(files.sources()), scale, task, method, model, recipe, freeze_encoder)


@cache
def _hyperparameters(
    sources: tuple[Path, ...],
    scale: str,
    task: str,
    method: str,
    model: str | None,
    recipe: str,
    freeze_encoder: bool | None,
) -> Mapping[str, Any]:
    config = {
        **files.read("config"),
        "method": files.read(f"method/{method}"),
        "recipe": files.read(f"recipe/{recipe}"),
    }
    of_scale, family = files.read(f"scale/{scale}")["recipe"], files.read(f"task/{task}")["family"]

    def value(written: Any) -> Any:
        """What a value of conf/ stands for: itself, ``${setting:KEY}``, or another key's value."""
        if not (isinstance(written, str) and written.startswith("${")):
            return written
        kind, colon, key = written[2:-1].partition(":")
        if not colon:
            return value(lookup(config, kind))
        if kind == "label_words":
            return label_words(files.read(f"task/{task}"))
        trains_encoder = key != FREEZE and frozen is False
        return setting(key, config["recipe"], of_scale, task, family, model, method, trains_encoder)

    frozen = freeze_encoder if freeze_encoder is not None else value(config["method"].get(FREEZE))
    flat = {
        f"{section}.{key}": value(written)
        for section in SECTIONS
        for key, written in config[section].items()
        if not key.startswith("_")
    }
    known = model is not None and model in files.choices("model")
    return {**flat, "precision": files.read(f"model/{model}")["precision"]} if known else flat
