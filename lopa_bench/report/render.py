"""Filled tables as text: terminal, Markdown, LaTeX, CSV, JSON."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict

from lopa_bench.report.cells import Cell, Line, Table

MISSING = "—"


def cell_text(cell: Cell) -> str:
    """``83.39 ± 0.52 (3)``, the paper's value behind a bar where there is one."""
    ours = MISSING
    if cell.mean is not None:
        spread = f" ± {cell.std:.2f}" if cell.std is not None else ""
        ours = f"{cell.mean:.2f}{spread}" + (f" ({cell.n})" if cell.n else "")
    return ours if cell.reference is None else f"{ours} | paper {cell.reference:.2f}"


def header(table: Table) -> list[str]:
    """Column heads; our tables have both parameter columns, the paper's only its count."""
    counts = ["Counted", "Trained"] if table.ours else ["Counted"]
    return ["Method", *counts, *(column.label + column.shown.arrow for column in table.columns)]


def line_texts(table: Table, line: Line, best: Callable[[str], str], text: Callable[[str], str]) -> list[str]:
    """One row's texts, each through ``text``, the best ones also through ``best``."""
    counts = [line.counted, *([line.trained] if table.ours else [])]
    cells = [(text(cell_text(cell)), cell.best) for cell in line.cells]
    plain = [text(value) for value in (line.label, *(count or MISSING for count in counts))]
    return [*plain, *(best(value) if is_best else value for value, is_best in cells)]


def terminal(tables: Iterable[Table]) -> str:
    """Tables for people at a terminal; plain text of 140 columns where there is none."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as RichTable

    live = sys.stdout.isatty()
    console = Console(width=None if live else 140, record=True, file=io.StringIO(), highlight=False)
    for table in tables:
        shown = RichTable(title=table.title, title_justify="left", caption=table.caption)
        shown.caption_justify = "left"
        for i, head in enumerate(header(table)):
            shown.add_column(head, justify="left" if i == 0 else "right", no_wrap=i == 0)
        for line in table.lines:
            shown.add_row(*line_texts(table, line, "[bold]{}[/bold]".format, escape))
        console.print(shown)
        for text in below(table):
            console.print(text, markup=False, soft_wrap=True)
        console.print()
    return console.export_text(styles=live)


def below(table: Table) -> list[str]:
    """What stands under a table: notes, then the commands that fill its gaps."""
    return [*(f"Note: {note}" for note in table.notes), *gap_lines(table)]


def gap_lines(table: Table) -> list[str]:
    """The commands that fill a table's gaps, under how long they take; none where there is no gap."""
    if not table.commands:
        return []
    return [f"Missing ({table.estimate}):", *(f"  {command}" for command in table.commands)]


def markdown(tables: Iterable[Table]) -> str:
    """GitHub-flavoured Markdown."""
    parts = []
    for table in tables:
        heads = header(table)
        rows = [line_texts(table, line, "**{}**".format, markdown_cell) for line in table.lines]
        rule = ["---", *["---:"] * (len(heads) - 1)]
        grid = "\n".join("| " + " | ".join(row) + " |" for row in (heads, rule, *rows))
        notes = "".join(f"- {markdown_cell(note)}\n" for note in table.notes)
        block = "```sh\n" + "\n".join(table.commands) + "\n```\n"
        gaps = f"Missing cells ({table.estimate}):\n\n{block}" if table.commands else ""
        parts.append("\n\n".join(part for part in (f"## {table.title}", grid, table.caption, notes + gaps) if part))
    return "\n\n".join(parts).rstrip() + "\n"


def markdown_cell(text: str) -> str:
    return text.replace("|", "\\|").replace("_", "\\_").replace("*", "\\*")


def latex(tables: Iterable[Table]) -> str:
    """A whole document that compiles; each table can be cut out of it (booktabs)."""
    parts = [_PREAMBLE]
    for table in tables:
        heads = " & ".join(_latex(head) for head in header(table))
        rows = [line_texts(table, line, r"\textbf{{{}}}".format, _latex) for line in table.lines]
        body = "\n".join(" & ".join(row) + r" \\" for row in rows)
        notes = "".join(f"\n\\par\\footnotesize {_latex(note)}\n" for note in table.notes)
        gaps = "".join(f"% {text.strip()}\n" for text in gap_lines(table))
        parts.append(
            f"""
\\begin{{table}}[p]
\\centering
\\caption{{{_latex(table.title)}. {_latex(table.caption)}}}
\\resizebox{{\\textwidth}}{{!}}{{%
\\begin{{tabular}}{{l{"r" * (len(header(table)) - 1)}}}
\\toprule
{heads} \\\\
\\midrule
{body}
\\bottomrule
\\end{{tabular}}}}
{notes}\\end{{table}}
{gaps}"""
        )
    return "".join([*parts, "\n\\end{document}\n"])


_PREAMBLE = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage[margin=2cm]{geometry}
\usepackage{booktabs,graphicx}
\begin{document}
"""
_LATEX = {
    **{c: f"\\{c}" for c in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "|": r"$\cdot$",
    "±": r"$\pm$",
    "×": r"$\times$",
    "↓": r"$\downarrow$",
    "—": "---",
    "–": "--",
}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def as_csv(tables: Iterable[Table]) -> str:
    """One line per cell, for programs."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(_CSV_HEAD)
    for table in tables:
        for line in table.lines:
            for column, cell in zip(table.columns, line.cells, strict=True):
                about = (table.name, line.label, column.task, column.metric)
                counts = (cell.counted, cell.trained)
                values = (cell.mean, cell.std, cell.n, cell.reference)
                writer.writerow([*about, *counts, *values])
    return out.getvalue()


_CSV_HEAD = [
    *("table", "row", "task", "metric", "counted", "trained"),
    *("mean", "std", "n", "paper_value"),
]


def as_json(tables: Iterable[Table]) -> str:
    """The tables as they are: every field of ``Table``."""
    return json.dumps([asdict(table) for table in tables], indent=1, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Iterable[Table]], str]] = {
    "terminal": terminal,
    "markdown": markdown,
    "latex": latex,
    "csv": as_csv,
    "json": as_json,
}
