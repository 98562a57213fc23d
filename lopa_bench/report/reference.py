"""The paper's published numbers (reference.csv): one cell a line, each with its source. The only reader of that file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

KEYS = ("table", "task", "model", "method", "setting", "metric")


@cache
def rows() -> list[dict[str, str]]:
    """Columns table, task, model, method, setting, trainable_parameters, metric, value, source."""
    with Path(__file__).with_name("reference.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def reference() -> pd.DataFrame:
    """The same as a data frame, `value` as numbers."""
    import pandas as pd

    return pd.DataFrame(rows()).astype({"value": float})


@cache
def _values() -> dict[tuple[str, ...], float]:
    return {tuple(row[key] for key in KEYS): float(row["value"]) for row in rows()}


def published(table: str | None, task: str, model: str, method: str, setting: str | None, metric: str) -> float | None:
    """The paper's value of one cell, or None."""
    return _values().get((table, task, model, method, setting, metric))  # type: ignore[arg-type]


def paper_value(result: Mapping[str, Any], metric: str) -> float | None:
    """The paper's value of `metric` for the task, model, method and setting of `result`, or None where it has none."""
    method = result["config"]["method"]
    numbers = {"m": method.get("num_virtual_tokens"), "r": method.get("rank"), "n": method.get("phm_blocks")}
    for row in rows():
        same = all(row[key] == result[key] for key in ("task", "model", "method"))
        setting = dict(part.split("=") for part in row["setting"].split())
        if same and row["metric"] == metric and all(str(numbers.get(k)) == v for k, v in setting.items()):
            return float(row["value"])
    return None
