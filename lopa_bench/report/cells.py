"""A filled table: plain values that every renderer reads."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass, replace

from lopa_bench.study.spec import Column, Row


@dataclass(frozen=True)
class Cell:
    """What the runs of one setting on one task came to.

    ``mean`` ± ``std`` (sample, None for one seed) over ``n`` seeds, the paper's ``reference``, what others have published ``elsewhere``,
    and the parameters ``counted`` as the paper counts them and ``trained`` in truth. Of which backbone: ``model``, and what made the
    instance features of methods that read them: ``encoder``; empty without runs.
    """

    mean: float | None = None
    std: float | None = None
    n: int = 0
    reference: float | None = None
    elsewhere: tuple[float, ...] = ()
    best: bool = False
    counted: float | None = None
    trained: float | None = None
    model: str = ""
    encoder: str = ""


@dataclass(frozen=True)
class Line:
    """A row of a filled table, with the parameters of its cells as text."""

    row: Row
    counted: str
    trained: str
    cells: tuple[Cell, ...]

    @property
    def label(self) -> str:
        return self.row.label

    @property
    def known(self) -> bool:
        """Whether any cell of it has a number, ours or published."""
        return any(cell.mean is not None or cell.reference is not None or cell.elsewhere for cell in self.cells)


@dataclass(frozen=True)
class Table:
    """A filled table.

    Attributes:
        ours: False for the paper's own numbers, which stand in a table of their own.
        notes: what a reader must know to read the numbers.
        commands: the commands that fill its missing cells; ``estimate`` says how long they take.
    """

    name: str
    scale: str
    title: str
    caption: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    ours: bool = True
    notes: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    estimate: str = ""

    @property
    def counts(self) -> dict[str, str]:
        """The columns of parameters, as head -> field of `Line`: one where both counts agree, or only one is known."""
        agree = all(line.trained in ("", line.counted) for line in self.lines)
        return {"Parameters": "counted"} if agree else {"Counted": "counted", "Trained": "trained"}

    @property
    def filled(self) -> Table:
        """The same without the rows that have no number."""
        return replace(self, lines=tuple(line for line in self.lines if line.known))

    @property
    def usual_seeds(self) -> int:
        """How many seeds most of its cells have; 0 without any run."""
        return statistics.mode([cell.n for line in self.lines for cell in line.cells if cell.n] or [0])


def mark_best(lines: Iterable[Line], columns: tuple[Column, ...]) -> tuple[Line, ...]:
    """Mark the best of each column, ties at the printed digits included."""
    lines = tuple(lines)
    for i, column in enumerate(columns):
        shown = [round(m, 2) for line in lines if (m := line.cells[i].mean) is not None]
        if len(shown) > 1:
            best = max(shown) if column.shown.higher_is_better else min(shown)
            lines = tuple(_with_best(line, i, best) for line in lines)
    return lines


def _with_best(line: Line, i: int, best: float) -> Line:
    cell = line.cells[i]
    if cell.mean is None or round(cell.mean, 2) != best:
        return line
    return replace(line, cells=(*line.cells[:i], replace(cell, best=True), *line.cells[i + 1 :]))


def count(parameters: float) -> str:
    """Parameters as the paper prints them, ``1.60M``; below a million ``24.3K``."""
    if parameters >= 999_950:  # which rounds to a million
        return f"{parameters / 1e6:.2f}M"
    return f"{parameters / 1e3:.1f}K" if parameters >= 1e3 else f"{parameters:.0f}"


def span(counts: Iterable[float | None]) -> str:
    """The range of some counts, ``24.3K–27.1K``; empty where none is known."""
    known = [value for value in counts if value is not None]
    return "–".join(dict.fromkeys([count(min(known)), count(max(known))])) if known else ""
