"""The paper's published numbers (reference.csv): one cell a line, each with its source. The only reader of that file."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopa_bench.config.keys import lookup, spell
from lopa_bench.results.record import Result
from lopa_bench.study.settings import usual_settings
from lopa_bench.study.tables import tables

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
def _values() -> dict[tuple[str | None, ...], float]:
    return {tuple(row[key] for key in KEYS): float(row["value"]) for row in rows()}


def published(
    table: str | None, task: str, model: str | None, method: str, setting: str | None, metric: str
) -> float | None:
    """The paper's value of one cell, or None."""
    return _values().get((table, task, model, method, setting, metric))


def paper_value(result: Result, metric: str) -> float | None:
    """The paper's value of `metric` for the task, model, method and setting of `result`, or None where it has none.

    Of several published settings that the run has, the one that says most counts; one that says nothing
    (``setting`` empty) only for runs with the settings of the table's row.
    """
    same = [
        row
        for row in rows()
        if all(row[key] == getattr(result, key) for key in ("task", "model", "method")) and row["metric"] == metric
    ]
    exact = [row for row in same if row["setting"] and _has(result, spelled_out(row["setting"]))]
    if exact:
        return float(max(exact, key=lambda row: len(row["setting"].split()))["value"])
    declared = (row for row in same if not row["setting"] and _of_a_declared_row(result, row["table"]))
    return next((float(row["value"]) for row in declared), None)


SHORT = {  # how a setting is written in the files of numbers -> the key of a config
    "m": "method.num_virtual_tokens",
    "r": "method.rank",
    "n": "method.phm_blocks",
    "layers": "method.head_layers",
    "encoder": "encoder",
}


def spelled_out(setting: str) -> dict[str, str]:
    """``m=10 r=4`` as config keys."""
    pairs = (part.split("=") for part in setting.split())
    return {SHORT[key]: value for key, value in pairs}


def _has(result: Result, settings: Mapping[str, Any]) -> bool:
    """Whether a run has these settings."""
    known = {**result.config, "encoder": result.encoder}
    return all(spell(lookup(known, key)) == spell(value) for key, value in settings.items())


def _of_a_declared_row(result: Result, table: str) -> bool:
    rows = (row for spec in tables("paper") if spec.reference == table for row in spec.rows if row.reference == "")
    usual = usual_settings("paper", result.task, result.method, result.model)
    return any(_has(result, {**usual, **row.settings}) for row in rows if row.method == result.method)
