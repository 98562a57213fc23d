"""Filled tables for a terminal of any width: columns that do not fit beside each other follow below."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lopa_bench.host.terminal import printable
from lopa_bench.report.cells import Table
from lopa_bench.report.texts import below, caption, grid

if TYPE_CHECKING:
    from rich.console import Console

PIPED = 120  # columns where the output is no terminal and COLUMNS is not set
GAP = 2


def terminal(tables: Iterable[Table]) -> str:
    """Tables for people: no number and no word is broken, commands stand on one line each."""
    from rich.markup import escape

    console = console_of_reports()
    for table in tables:
        console.print(printable(table.title), style="bold", markup=False)
        marked = grid(table, "[bold]{}[/bold]".format, lambda text: escape(printable(text)))
        print_grid(console, marked, grid(table, str, printable))
        console.print(printable(caption(table)), style="dim", markup=False)
        for text in below(table):
            console.print(printable(text), markup=False, soft_wrap=True)
        console.print()
    return console.export_text(styles=sys.stdout.isatty())


def console_of_reports() -> Console:
    """One that records what is printed, as wide as the terminal."""
    from rich.console import Console

    known = sys.stdout.isatty() or "COLUMNS" in os.environ
    return Console(
        width=None if known else PIPED, record=True, file=io.StringIO(), highlight=False, force_jupyter=False
    )


def print_grid(console: Console, marked: Sequence[Sequence[str]], plain: Sequence[Sequence[str]]) -> None:
    """Print a head and rows, in as many blocks of columns as the width needs, the first column in each.

    Args:
        marked: their texts in rich's markup. plain: the same texts as they are printed, for their widths.
    """
    from rich.table import Table as RichTable

    columns = list(zip(*marked, strict=True))
    widths = [max(map(len, column)) for column in zip(*plain, strict=True)]
    for i, block in enumerate(_blocks(widths, console.width)):
        shown = RichTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0))
        for j in block:
            shown.add_column(columns[j][0], justify="right" if j else "left", no_wrap=True, header_style="underline")
        for row in zip(*(columns[j][1:] for j in block), strict=True):
            shown.add_row(*row)
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
