"""Whether the user's own splits have rows in common: a score on rows that were trained on says nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from lopa_bench.config.keys import spell
from lopa_bench.config.schema import Data
from lopa_bench.errors import UserError
from lopa_bench.tasks.base import Record, Task
from lopa_bench.tasks.places import apart


def check_apart(task: Task, data: Data, splits: Mapping[str, Mapping[int, Record]], selection: str) -> None:
    """Say on standard error how many rows two splits have in common, whatever their files; raise `UserError` where all of one are.

    Args:
        splits: their rows, each under its number in its file.
    """
    told = {split: {number: hash(_told(row)) for number, row in rows.items()} for split, rows in splits.items()}
    for (split, other), reason in apart(selection).items():
        if split not in told:
            continue
        others = set(told[other].values())
        both = [number for number, row in told[split].items() if row in others]
        name, another = (f"data.{each}={getattr(data, each)}" for each in (split, other))
        if len(both) == len(told[split]):
            raise UserError(f"{name}: its rows are all in {another}, {reason}; name another file")
        if both:
            count = f"{len(both)} of {len(told[split])} rows of {name} are in {another}, too"
            print(f"task={task.name}: {count}; the first is row {both[0]}", file=sys.stderr)


def _told(row: Record) -> str:
    """The same of rows that differ in how a number is written alone: 5 in one kind of file is "5" or "5.0" in another."""
    return json.dumps({name: _as_number(value) for name, value in row.items()}, sort_keys=True, default=str)


def _as_number(value: Any) -> Any:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return value
    try:
        return spell(float(value))
    except ValueError:
        return value
