"""Numbers that others have published for methods of these tables (others.csv). The only reader of that file."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lopa_bench.config.keys import spell
from lopa_bench.study.reference import spelled_out
from lopa_bench.study.settings import usual_settings
from lopa_bench.study.spec import Row


@dataclass(frozen=True)
class Other:
    """One published number.

    Attributes:
        setting: what of the method's settings it is about, as in reference.csv; empty where its source does not say it in full.
        metric: the column's, or another one's name, whose values belong into no cell of it.
        told: what its source says of the runs.
    """

    task: str
    model: str
    method: str
    setting: str
    metric: str
    value: float
    told: str
    source: str

    @property
    def origin(self) -> str:
        return f"{self.source}{f', {self.told}' if self.told else ''}"


@cache
def _read() -> tuple[Other, ...]:
    with Path(__file__).with_name("others.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Other(**row, value=float(value)) for row in csv.DictReader(file) for value in [row.pop("value")])


def others(row: Row, task: str, model: str | None) -> list[Other]:
    """What is published elsewhere of a table's row: of the settings that are told, else of the method as the study takes it."""
    return [
        other
        for other in _read()
        if (other.task, other.model, other.method) == (task, model, row.method) and _means(row, other)
    ]


def _means(row: Row, other: Other) -> bool:
    if not other.setting:
        return not row.settings
    settings = {**usual_settings("paper", other.task, row.method, other.model), **row.settings}
    return all(spell(settings.get(key)) == value for key, value in spelled_out(other.setting).items())
