"""Whether the user's own splits have rows in common: a score on rows that were trained on says nothing."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from lopa_bench.config.keys import spell
from lopa_bench.config.schema import Data
from lopa_bench.errors import UserError
from lopa_bench.host.terminal import say
from lopa_bench.tasks.base import Record, Task
from lopa_bench.tasks.places import apart


def check_apart(task: Task, data: Data, splits: Mapping[str, Mapping[int, Record]], selection: str) -> None:
    """Say on standard error how many rows two splits have in common, whatever their files; raise `UserError` where all of one are.

    Args:
        splits: their rows, each under its number in its file.
    """
    whole = {split: {number: _told(row, ()) for number, row in rows.items()} for split, rows in splits.items()}
    read = {
        split: {number: _told(row, task.answer_fields) for number, row in rows.items()}
        for split, rows in splits.items()
    }
    for (split, other), reason in apart(selection).items():
        if split not in whole:
            continue
        both = _common(whole[split], whole[other])
        name, another = (f"data.{each}={getattr(data, each)}" for each in (split, other))
        if len(both) == len(whole[split]):
            raise UserError(f"{name}: its rows are all in {another}, {reason}; name another file")
        answered_otherwise = _common(read[split], read[other]) - both
        for found, what in ((both, "rows"), (answered_otherwise, "inputs")):
            if found:
                more = "too" if what == "rows" else "with another answer"
                count = f"{len(found)} of {len(whole[split])} {what} of {name} are in {another}, {more}"
                say(f"task={task.name}: {count}; the first is row {min(found)}", error=True)


def say_held_out(task: Task, train: Sequence[Record], held_out: Sequence[Record]) -> None:
    """Say on standard error how many rows that epochs are selected on are trained on too, as those of a file that repeats its rows."""
    trained, held = ({number: _told(row, ()) for number, row in enumerate(rows)} for rows in (train, held_out))
    if both := _common(held, trained):
        count = (
            f"{len(both)} of {len(held)} rows held out of the training rows to select epochs are among the others, too"
        )
        say(f"task={task.name}: {count}; nearest: data.validation=FILE", error=True)


def _common(rows: Mapping[int, int], others: Mapping[int, int]) -> set[int]:
    there = set(others.values())
    return {number for number, row in rows.items() if row in there}


def _told(row: Record, without: Collection[str]) -> int:
    """A digest that is the same of rows which differ only in how their files write a value: 5 is "5 " or "5.0" elsewhere, true "True"."""
    told = {name: _as_written(value) for name, value in row.items() if name not in without}
    return hash(json.dumps(told, sort_keys=True, default=str))


def _as_written(value: Any) -> Any:
    if isinstance(value, bool):
        return spell(value)
    if not isinstance(value, str | int | float):
        return value
    try:
        return spell(float(value))
    except ValueError:
        text = str(value).strip()
        return text.lower() if text in ("True", "False") else text
