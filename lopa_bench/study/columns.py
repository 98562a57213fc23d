"""Columns that several tables share: a task's headline metric."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from lopa_bench.study.spec import GLUE, Column

_LABELS = {task: task.upper() for task in GLUE} | {
    "sst2": "SST-2",
    "mbpp": "MBPP",
    "cruxeval_i": "CRUXEval-I",
    "cruxeval_o": "CRUXEval-O",
}


def accuracy(tasks: Iterable[str]) -> tuple[Column, ...]:
    """GLUE's score of these tasks."""
    return tuple(Column(_LABELS[task], task, "glue") for task in tasks)


def pass_at_1(tasks: Iterable[str], model: str | None = None, **settings: Any) -> tuple[Column, ...]:
    """pass@1 of these tasks with a model (None: the scale's)."""
    suffix = f" ({model})" if model else ""
    return tuple(Column(_LABELS[task] + suffix, task, "pass@1", model, settings=settings) for task in tasks)
