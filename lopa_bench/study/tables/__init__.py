"""The tables, one file each, found by listing: which methods stand in the rows, which tasks and metrics in the columns.

Such a file has a function ``table(scale)``, which gives the table at a scale, or None where the scale has no such table.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from functools import cache

from lopa_bench.config import files
from lopa_bench.config.nearest import not_one_of
from lopa_bench.errors import UserError
from lopa_bench.study.spec import SCALES, Column, Row, TableSpec
from lopa_bench.tasks.known import known


def every(scale: str) -> tuple[TableSpec, ...]:
    """All tables of a scale, in the order in which a report shows them; those of plugins follow the study's own."""
    return _every(scale, tuple(files.table_modules()))


@cache
def _every(scale: str, more: tuple[str, ...]) -> tuple[TableSpec, ...]:
    own = (f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__))
    found = (importlib.import_module(name).table(scale) for name in (*own, *more))
    return tuple(sorted((table for table in found if table), key=lambda table: (table.order, table.name)))


def tables(scale: str, names: Iterable[str] = ()) -> list[TableSpec]:
    """All tables of a scale, or those named.

    Raises:
        UserError: an unknown scale or table.
    """
    if scale not in SCALES:
        raise UserError(not_one_of("scale", scale, SCALES))
    by_name = {table.name: table for table in every(scale)}
    for name in names:
        if name not in by_name:
            raise UserError(not_one_of("table", name, by_name))
    return [by_name[name] for name in (list(names) or by_name)]


def row_and_column(row: Row, task: str, scale: str) -> tuple[Row, Column]:
    """Where a table shows this row on this task, with what the table says of it: its model, its encoder.

    Of a row with settings of its own that is the first table with just these, or else with these among others; of one without, the first
    with the task and its settings.
    """
    shown = [(table, column) for table in every(scale) for column in table.columns if column.task == task]
    if not shown:
        return row, Column(known(task).title, task, known(task).metric)
    own = row.settings.items()
    like = [
        (other, column)
        for table, column in (shown if row.settings else shown[:1])
        for other in table.rows
        if other.method == row.method and own <= other.settings.items()
    ]
    same = [found for found in like if found[0].settings == row.settings]
    return next(iter([*same, *like]), (row, shown[0][1]))
