"""Filled tables for a terminal of any width: columns that do not fit beside each other follow below."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Literal

from lopa_bench.host.terminal import console, printable
from lopa_bench.report.cells import Table
from lopa_bench.report.texts import caption, gap_lines, grid, noted, unfilled

if TYPE_CHECKING:
    from rich.console import Console

PIPED = 120  # columns where the output is no terminal and COLUMNS is not set
GAP = 2
MOST_COMMANDS = 6  # below a table; of more, `lopa-bench plan` prints all


def terminal(tables: Iterable[Table]) -> str:
    """Tables for people: no number and no word is broken, rows without a number are named below, commands stand on one line each."""
    console = console_of_reports()
    for table in tables:
        filled = table.filled
        console.print(printable(table.title), style="bold")
        if filled.lines:
            print_grid(console, grid(filled, str, printable), bold=_best(filled))
            console.print(printable(caption(table)), style="dim")
        for text in (*unfilled(table), *noted(table)):
            console.print(printable(text))
        for text in gap_lines(table, MOST_COMMANDS):
            console.print(printable(text), soft_wrap=True)
        console.print()
    return printed(console)


def _best(table: Table) -> set[tuple[int, int]]:
    """Where the best scores stand, behind the rows' labels."""
    return {(i, 1 + j) for i, line in enumerate(table.lines) for j, cell in enumerate(line.cells) if cell.best}


def console_of_reports() -> Console:
    """One that records what is printed, as wide as the terminal."""
    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return console(None if known else PIPED, record=True, file=io.StringIO(), force_jupyter=False)


def printed(console: Console) -> str:
    """What was printed to the `console_of_reports`; without the blanks that fill its lines where no terminal shows them."""
    if sys.stdout.isatty():
        return console.export_text(styles=True)
    return "".join(f"{line.rstrip()}\n" for line in console.export_text().splitlines())


def print_grid(
    console: Console,
    plain: Sequence[Sequence[str]],
    words: Collection[int] = (0,),
    bold: Collection[tuple[int, int]] = (),
) -> None:
    """Print a head and rows, in as many blocks of columns as the width needs, the first column in each.

    Args:
        words: the columns of words, which begin at the left.
        bold: the row, below the head, and the column of each text that stands out.
    """
    from rich.table import Table as RichTable
    from rich.text import Text

    head, *rows = plain
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    for i, block in enumerate(_blocks(widths, console.width)):
        shown = RichTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        for j in block:
            side: Literal["left", "right"] = "left" if j in words else "right"
            shown.add_column(head[j], justify=side, no_wrap=True, header_style="underline")
        for k, row in enumerate(rows):
            shown.add_row(*(Text(row[j], style="bold" if (k, j) in bold else "") for j in block))
        if i:
            console.print()
        console.print(shown)


def _blocks(widths: Sequence[int], width: int) -> Iterator[list[int]]:
    """Columns that fit beside each other, the first one in every block."""
    block, used = [0], widths[0]
    for j in range(1, len(widths)):
        if used + GAP + widths[j] > width and len(block) > 1:
            yield block
            block, used = [0], widths[0]
        block.append(j)
        used += GAP + widths[j]
    yield block
