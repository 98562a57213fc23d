"""Tables in GitHub-flavoured Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

RULES = {"l": "---", "r": "---:"}


def table(align: str, heads: Iterable[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of cells that are Markdown already; `align` has a letter a column, ``l`` for words and ``r`` for numbers."""
    return "".join("| " + " | ".join(row) + " |\n" for row in (heads, [RULES[side] for side in align], *rows))


def cell(text: str) -> str:
    """A text whose bars, stars, lines, ticks and angles Markdown shows as they are."""
    for sign in "\\|_*`":
        text = text.replace(sign, f"\\{sign}")
    return text.replace("<", "&lt;")
