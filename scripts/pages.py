#!/usr/bin/env python3
"""The tables of a results page, from the generated ones beside it.

    python scripts/pages.py results/mini/README.md results/small/README.md

A row of a page's table takes the cells of the row with its name in the table of ``tables/*.md`` that has the same columns. What a page
has and no table knows (a majority class, a row off the recipe) stays as it was written and is named, and so is what a table has run and
its page does not show.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ABSENT = {"—", ""}


@dataclass(frozen=True)
class Table:
    """A Markdown table: its columns, and its lines by the name in their first cell."""

    columns: tuple[str, ...]
    rows: dict[str, str]

    def has_run(self, name: str) -> bool:
        return not set(cells(self.rows[name])[1:]) <= ABSENT


def cells(line: str) -> tuple[str, ...]:
    """The cells of a line of a table. Underscores stand with and without a backslash before them; a bar in a cell has one, too."""
    bar = "\0"
    return tuple(
        cell.strip().replace(bar, "\\|")
        for cell in line.strip().strip("|").replace("\\|", bar).replace("\\_", "_").split("|")
    )


def blocks(text: str) -> Iterator[list[str]]:
    """The lines of a page, those of each table together."""
    block: list[str] = []
    for line in text.splitlines(keepends=True):
        if block and line.startswith("|") != block[0].startswith("|"):
            yield block
            block = []
        block.append(line)
    if block:
        yield block


def table(block: list[str]) -> Table | None:
    """The table that these lines of a page are; None where they are text."""
    if len(block) < 3 or not block[0].startswith("|"):
        return None
    rows: dict[str, str] = {}
    for line in block[2:]:
        rows.setdefault(cells(line)[0], line)
    return Table(cells(block[0]), rows)


def generated(folder: Path) -> list[Table]:
    """Our own tables of this folder, the first of each file: the paper's stand below them."""
    texts = (path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.md")))
    return [found[0] for text in texts if (found := [each for each in map(table, blocks(text)) if each])]


def source_of(shown: Table, known: list[Table]) -> Table | None:
    """The generated table that most of a page's rows are of: a page may leave some of its rows out, or add its own."""
    alike = [other for other in known if other.columns == shown.columns and shown.rows.keys() & other.rows.keys()]
    return max(alike, key=lambda other: len(shown.rows.keys() & other.rows.keys()), default=None)


def renewed(page: Path) -> tuple[str, list[str]]:
    """The page with its tables' numbers as they are now, and what it shows that no table has or leaves out that a table has."""
    known = generated(page.parent / "tables")
    lines: list[str] = []
    notes: list[str] = []
    for block in blocks(page.read_text(encoding="utf-8")):
        shown = table(block)
        source = shown and source_of(shown, known)
        if not shown or not source:
            lines += block
            continue
        lines += block[:2]
        for line in block[2:]:
            name = cells(line)[0]
            lines.append("| " + " | ".join(cells(source.rows[name])) + " |\n" if name in source.rows else line)
            if name not in source.rows:
                notes.append(f"{page}: no table has the row {name!r}")
        hidden = [name for name in source.rows if name not in shown.rows and source.has_run(name)]
        notes += [f"{page}: does not show {name!r}" for name in hidden]
    return "".join(lines), notes


def main(pages: list[Path]) -> int:
    for page in pages:
        if not page.is_file() or not generated(page.parent / "tables"):
            print(
                f"{page}: is no page beside tables/*.md; lopa-bench report format=markdown writes them", file=sys.stderr
            )
            return 2
    for page in pages:
        text, notes = renewed(page)
        page.write_text(text, encoding="utf-8")
        for note in notes:
            print(note)
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", nargs="+", type=Path)
    sys.exit(main(parser.parse_args().page))
