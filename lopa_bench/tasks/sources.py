"""Rows that no file of the user's holds: of the embedded scale, and of the hub. Imports no torch."""

from __future__ import annotations

from typing import Any

from lopa_bench.errors import UserError, in_a_line
from lopa_bench.tasks.base import Record, Task

FRESH = "mini_fresh"  # value of data.source: the embedded rows, with the test split that no run of data.source=mini is scored on
EMBEDDED = ("mini", FRESH)


def embedded(task: Task, source: str) -> dict[str, list[Record]]:
    """The splits of the embedded scale's task, from one of its two sources.

    Raises:
        UserError: the scale has no such task, or no second test split of it.
    """
    from lopa_bench import mini

    return {split: list(rows) for split, rows in mini.records(task.name, fresh=source == FRESH).items()}


def hub_rows(task: Task, offline: bool) -> dict[str, list[Record]]:
    """The splits that the task's entry on the hub has, downloaded or from the cache.

    Raises:
        UserError: it is on the hub in no form without code, or cannot be loaded.
    """
    if task.hub is None:
        raise UserError(f"task={task.name} is not on the hub in a form without code; use data.source=files data.dir=…")
    import datasets

    splits = {"train": task.hub.train, "test": task.hub.test, "validation": task.hub.validation}
    before = datasets.config.HF_HUB_OFFLINE
    datasets.config.HF_HUB_OFFLINE = before or offline
    try:
        loaded = {
            split: datasets.load_dataset(task.hub.path, task.hub.name, split=name)
            for split, name in splits.items()
            if name
        }
    except Exception as error:  # whatever the network, the hub's files and their readers may raise
        raise UserError(
            f"data.source=hub: {task.hub.path} cannot be loaded ({in_a_line(error, kind=True)}); data.source=mini needs no network, "
            "data.source=files data.dir=… reads files"
        ) from error
    finally:
        datasets.config.HF_HUB_OFFLINE = before
    return {split: _with_label_names(rows) for split, rows in loaded.items()}


def _with_label_names(dataset: Any) -> list[Record]:
    """Hub rows with class numbers replaced by their names, as in the files; None for -1, which stands where there is no label."""
    names = {name: f.names for name, f in dataset.features.items() if hasattr(f, "names")}

    def value(column: str, cell: Any) -> Any:
        if column not in names or cell is None:
            return cell
        return None if cell < 0 else names[column][cell]

    return [{column: value(column, cell) for column, cell in row.items()} for row in dataset]
