"""The hyperparameters of a run that is told none, read from conf/ without composing a config: a report asks for hundreds."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from omegaconf import OmegaConf

from lopa_bench.config.compose import choices, conf_dir, recipe_value
from lopa_bench.config.keys import lookup
from lopa_bench.results.directory import PROTOCOL, UNDETERMINING_IN_TRAIN
from lopa_bench.study.spec import RUN_DEFAULTS
from lopa_bench.tasks.known import known


@cache
def hyperparameters(scale: str, task: str, method: str, model: str | None) -> Mapping[str, Any]:
    """Dotted config keys of train, generation and method with the scale's recipe's values, the precision and the protocol."""
    config = {
        **_read("config"),
        "method": _read(f"method/{method}"),
        "recipe": _read(f"recipe/{RUN_DEFAULTS['recipe']}"),
    }
    of_scale = _read(f"scale/{scale}")["recipe"]

    def value(written: Any) -> Any:
        """What a value of conf/ stands for: itself, ``${setting:KEY}``, or another key's value."""
        if not (isinstance(written, str) and written.startswith("${")):
            return written
        kind, colon, key = written[2:-1].partition(":")
        if not colon:
            return value(lookup(config, kind))
        return recipe_value(key, config["recipe"], of_scale, task, known(task).family, model, method)

    flat = {
        f"{section}.{key}": value(written)
        for section in ("train", "generation", "method")
        for key, written in config[section].items()
        if not key.startswith("_") and not (section == "train" and key in UNDETERMINING_IN_TRAIN)
    }
    precision = {"precision": _read(f"model/{model}")["precision"]} if model in choices("model") else {}
    return {**flat, **precision, "protocol": PROTOCOL}


@cache
def _read(name: str) -> dict[str, Any]:
    """A file of conf/, nothing resolved. OmegaConf reads ``1e-3`` as a number, PyYAML as text."""
    return OmegaConf.to_container(OmegaConf.load(conf_dir() / f"{name}.yaml"))  # type: ignore[return-value]
