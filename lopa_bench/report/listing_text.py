"""The list of runs as text: terminal, Markdown, CSV, JSON; and as a Parquet file."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from lopa_bench.host.extras import require
from lopa_bench.host.files import make_folder, writing
from lopa_bench.host.terminal import printable
from lopa_bench.report import markdown
from lopa_bench.report.listing import FIELDS, ListedRun
from lopa_bench.report.terminal import console_of_reports, print_grid, printed


def terminal(listed: Sequence[ListedRun]) -> str:
    """A table as wide as the terminal; what is the same for all runs stands once, above it."""
    if not listed:
        return "no runs\n"
    columns = dict(zip(FIELDS, zip(*(run.texts() for run in listed), strict=True), strict=True))
    names = [f"{task} {method}" for task, method in zip(columns.pop("task"), columns.pop("method"), strict=True)]
    if columns["trained"] == columns["counted"]:
        del columns["trained"]
    same = {head: texts[0] for head, texts in columns.items() if len(set(texts)) == 1 and len(listed) > 1}
    varied = {head: texts for head, texts in columns.items() if head not in same}
    grid = [["run", *varied], *map(list, zip(names, *varied.values(), strict=True))]
    plain = [[printable(text) for text in row] for row in grid]
    console = console_of_reports()
    for head, text in same.items():
        if text:
            console.print(printable(f"{head}: {text}"), soft_wrap=True)
    words = [place for place, head in enumerate(grid[0]) if head in ("run", "model", "not the recipe's")]
    print_grid(console, plain, words)
    console.print(f"{len(listed)} settings, {sum(len(run.seeds) for run in listed)} runs")
    return printed(console)


def as_markdown(listed: Sequence[ListedRun]) -> str:
    return markdown.table("l" * len(FIELDS), FIELDS, (list(map(markdown.cell, run.texts())) for run in listed))


def as_csv(listed: Sequence[ListedRun]) -> str:
    """Every field of `ListedRun`, unrounded."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(ListedRun.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows(run.values() for run in listed)
    return out.getvalue()


def as_json(listed: Sequence[ListedRun]) -> str:
    return json.dumps([run.values() for run in listed], indent=1, ensure_ascii=False) + "\n"


def as_parquet(listed: Sequence[ListedRun], output: Path) -> None:
    """Write every field of `ListedRun`.

    Raises:
        UserError: pyarrow is not installed.
    """
    require("pyarrow", "runs: format=parquet")
    import pandas as pd

    frame = pd.DataFrame([run.values() for run in listed], columns=list(ListedRun.__dataclass_fields__))
    make_folder(output.parent)
    with writing(output) as file:
        frame.to_parquet(file, index=False)


FORMATS: dict[str, Callable[[Sequence[ListedRun]], str]] = {
    "terminal": terminal,
    "markdown": as_markdown,
    "csv": as_csv,
    "json": as_json,
}
