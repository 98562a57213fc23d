"""The texts of a filled table, which every form of it shares."""

from __future__ import annotations

from collections.abc import Callable

from lopa_bench.report.cells import Cell, Line, Table

MISSING = "—"


def cell_text(cell: Cell, usual: int = 0) -> str:
    """``83.39 ± 0.52``, the seeds behind it where they are not as many as `usual`, behind bars the paper's value and those of others."""
    ours = MISSING
    if cell.mean is not None:
        spread = f" ± {cell.std:.2f}" if cell.std is not None else ""
        ours = f"{cell.mean:.2f}{spread}" + (f" ({cell.n})" if cell.n and cell.n != usual else "")
    paper = "" if cell.reference is None else f" | paper {cell.reference:.2f}"
    others = "–".join(dict.fromkeys(f"{value:.2f}" for value in (*cell.elsewhere[:1], *cell.elsewhere[-1:])))
    return f"{ours}{paper}{f' | elsewhere {others}' if others else ''}"


def header(table: Table) -> list[str]:
    """Column heads: the method, the scores, the parameters."""
    return [
        "Method",
        *(column.label + column.shown.arrow for column in table.columns),
        *table.counts,
    ]


def line_texts(table: Table, line: Line, best: Callable[[str], str], text: Callable[[str], str]) -> list[str]:
    """One row's texts, each through ``text``, the best ones also through ``best``."""
    cells = [(text(cell_text(cell, table.usual_seeds)), cell.best) for cell in line.cells]
    counts = [text(getattr(line, count) or MISSING) for count in table.counts.values()]
    return [text(line.label), *(best(value) if is_best else value for value, is_best in cells), *counts]


def grid(table: Table, best: Callable[[str], str], text: Callable[[str], str]) -> list[list[str]]:
    """The head and every row, as `line_texts`."""
    return [[text(head) for head in header(table)], *(line_texts(table, line, best, text) for line in table.lines)]


def unfilled(table: Table) -> list[str]:
    """A line that names the rows without a number, if there are any."""
    left = [line.label for line in table.lines if not line.known]
    return [f"Rows without a run yet: {'; '.join(left)}."] if left else []


def noted(table: Table) -> list[str]:
    """What a reader must know, under a table."""
    note = "Note: " if table.ours else ""
    return [note + text for text in table.notes]


def gap_lines(table: Table, most: int | None = None) -> list[str]:
    """The commands that fill a table's gaps, of many the first `most`, under how long all take; none where there is no gap."""
    if not table.commands:
        return []
    shown = table.commands[:most]
    more = len(table.commands) - len(shown)
    rest = [f"and {more} more: lopa-bench plan --commands table={table.name} scale={table.scale}"] if more else []
    return [f"Missing ({table.estimate}):", *(f"  {text}" for text in (*shown, *rest))]


def p_to_four_places(p: float, equals: str = "") -> str:
    """A p to four decimals, `equals` before it; one that these would make 0 as less than the least of them."""
    return f"{equals}{p:.4f}" if p >= 0.00005 else "< 0.0001"


def caption(table: Table) -> str:
    """The choices behind a table's numbers, and how to read them."""
    if not table.ours:
        return f"{table.caption} Bold: the best of a column."
    words = [table.caption]
    if n := table.usual_seeds:
        others = {cell.n for line in table.lines for cell in line.cells} - {0, n}
        if n > 1:
            more = ", or as many as stand in parentheses" if others else ""
            words.append(f"Mean ± standard deviation over {n} seeds{more}.")
        else:
            more = ", or mean ± standard deviation over as many as stand in parentheses" if others else ""
            words.append(f"One seed{more}.")
        words.append("Bold: the best mean of a column.")
    words.append(
        "Parameters: trained ones; the paper counts as many."
        if len(table.counts) == 1
        else "Parameters: counted as the paper counts, and trained (those that got gradients)."
    )
    return " ".join(words)
