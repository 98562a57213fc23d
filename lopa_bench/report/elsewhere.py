"""What others have published of a table's cells: shown beside the paper's numbers, and noted where the two differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lopa_bench.study.others import others
from lopa_bench.study.spec import Column, Row

POINTS = 1.0  # by which published numbers differ that a note names
METRICS = {"accuracy_and_macro_f1": "the mean of accuracy and macro F1"}  # that no table has


@dataclass
class Elsewhere:
    """The numbers of others, and what is to be said of them under the table."""

    origins: dict[str, list[str]] = field(default_factory=dict)  # origin -> rows
    otherwise: dict[str, list[str]] = field(default_factory=dict)  # by another metric: text -> columns
    differing: list[str] = field(default_factory=list)

    def values(self, row: Row, column: Column, model: str | None, paper: float | None) -> tuple[float, ...]:
        """Those of one cell, smallest first; `paper` is the paper's."""
        values = []
        for other in others(row, column.task, model):
            if other.metric in METRICS:
                _add(self.otherwise, f"{METRICS[other.metric]} in {other.source}", column.label)
            if other.metric != column.metric:
                continue
            _add(self.origins, other.origin, row.label)
            values.append(other.value)
            if paper is not None and abs(other.value - paper) > POINTS:
                self.differing.append(f"{row.label}, {column.label} {paper:.2f} and {other.value:.2f}")
        return tuple(sorted(values))

    def notes(self) -> Iterator[str]:
        """The table's notes on numbers of others: their sources, those of another metric, those that differ from the paper's."""
        for origin, rows in self.origins.items():
            yield f"Elsewhere: {origin}: {', '.join(rows)}."
        for text, columns in self.otherwise.items():
            yield f"{', '.join(columns)}: published as {text}, another metric, so in no cell."
        if self.differing:
            pairs = "; ".join(self.differing)
            yield f"Published twice for a method, model and task, more than {POINTS:g} point apart (the paper's first): {pairs}."


def _add(told: dict[str, list[str]], text: str, what: str) -> None:
    if what not in told.setdefault(text, []):
        told[text].append(what)
