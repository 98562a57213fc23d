"""Filled tables as Markdown, LaTeX, CSV and JSON; `terminal` has the form for people."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable
from dataclasses import asdict

from lopa_bench.report import markdown
from lopa_bench.report.cells import Table
from lopa_bench.report.terminal import terminal
from lopa_bench.report.texts import caption, gap_lines, grid, header


def as_markdown(tables: Iterable[Table]) -> str:
    """GitHub-flavoured Markdown."""
    parts = []
    for table in tables:
        heads, *rows = grid(table, "**{}**".format, markdown.cell)
        lines = markdown.table("l" + "r" * (len(heads) - 1), heads, rows).rstrip()
        notes = "".join(f"- {markdown.cell(note)}\n" for note in table.notes)
        block = "```sh\n" + "\n".join(table.commands) + "\n```\n"
        gaps = f"Missing cells ({table.estimate}):\n\n{block}" if table.commands else ""
        parts.append(
            "\n\n".join(
                part
                for part in (
                    f"## {table.title}",
                    lines,
                    caption(table).replace("<", "&lt;"),
                    notes + ("\n" if notes and gaps else "") + gaps,
                )
                if part
            )
        )
    return "\n\n".join(parts).rstrip() + "\n"


def latex(tables: Iterable[Table]) -> str:
    """A whole document that compiles; each table can be cut out of it (booktabs)."""
    parts = [_PREAMBLE]
    for table in tables:
        heads, *rows = (" & ".join(row) for row in grid(table, r"\textbf{{{}}}".format, _latex))
        body = "\n".join(row + r" \\" for row in rows)
        notes = "".join(f"\n\\par\\footnotesize {_latex(note)}\n" for note in table.notes)
        gaps = "".join(f"% {text.strip()}\n" for text in gap_lines(table))
        parts.append(
            f"""
\\begin{{table}}[p]
\\centering
\\caption{{{_latex(table.title)}. {_latex(caption(table))}}}
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
                model = cell.model or column.model or ""
                about = (table.name, line.label, column.task, column.metric, model, cell.encoder)
                counts = (cell.counted, cell.trained)
                values = (cell.mean, cell.std, cell.n, cell.reference, " ".join(map(str, cell.elsewhere)))
                writer.writerow([*about, *counts, *values])
    return out.getvalue()


_CSV_HEAD = [
    *("table", "row", "task", "metric", "model", "encoder", "counted", "trained"),
    *("mean", "std", "n", "paper_value", "elsewhere"),
]


def as_json(tables: Iterable[Table]) -> str:
    """The tables as they are: every field of ``Table``, and each line's label."""
    plain = [
        {**asdict(table), "lines": [{"label": line.label, **asdict(line)} for line in table.lines]} for table in tables
    ]
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Iterable[Table]], str]] = {
    "terminal": terminal,
    "markdown": as_markdown,
    "latex": latex,
    "csv": as_csv,
    "json": as_json,
}
