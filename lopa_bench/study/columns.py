"""Columns that several tables share: a task's headline metric."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from lopa_bench.study.spec import Column
from lopa_bench.tasks.known import known


def headline(tasks: Iterable[str], model: str | None = None, **settings: Any) -> tuple[Column, ...]:
    """The metric of each of these tasks that tables show, with a model (None: the scale's)."""
    suffix = f" ({model})" if model else ""
    return tuple(
        Column(known(task).title + suffix, task, known(task).metric, model, settings=settings) for task in tasks
    )


def small(columns: Iterable[Column], model: str, rows: int) -> tuple[Column, ...]:
    """Columns of scale=small: with this model, on so many training rows where a task has more."""
    return tuple(replace(column, model=model, settings=_limit(column.task, rows)) for column in columns)


def _limit(task: str, rows: int) -> dict[str, Any]:
    size = known(task).about.size
    return {} if size is not None and size.train <= 1.25 * rows else {"data.train_limit": rows}


def columns_of(task: str, metrics: Iterable[str]) -> tuple[Column, ...]:
    """These metrics of one task."""
    return tuple(Column(known(task).metrics[name].label, task, name) for name in metrics)
