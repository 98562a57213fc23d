"""The paper's published numbers, from ``report/reference.csv``."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any


@cache
def rows() -> list[dict[str, str]]:
    with (Path(__file__).parent / "report" / "reference.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


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
