"""Checked claims for a terminal of any width: all verdicts first, then the numbers behind each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from lopa_bench.host.terminal import printable
from lopa_bench.report.claims_json import as_json
from lopa_bench.report.claims_text import (
    HOW,
    LEANS,
    NUMBERS,
    as_markdown,
    asking,
    detail,
    missing_commands,
    needs,
    number_cells,
    part_title,
    read_by,
    tally,
)
from lopa_bench.report.findings import CheckedClaim, CheckedPart, Finding
from lopa_bench.report.terminal import console_of_reports, print_grid, printed
from lopa_bench.report.texts import MISSING

if TYPE_CHECKING:
    from rich.console import Console

HEADS = ("task", "verdict", *NUMBERS)
LEANING = "Leans: undecided, with an effect that points that way."


def terminal(checked: Sequence[CheckedClaim]) -> str:
    """No number and no word is broken; what is the same for all tasks of a part stands once, above them."""
    console = console_of_reports()
    _summary(console, checked)
    for claim in checked:
        console.print()
        heading = f"{claim.claim.name} {claim.claim.text}: {claim.verdict} ({tally(claim)})"
        console.print(printable(heading), style="bold")
        for part in claim.parts if claim.verdict != "no runs" else ():
            _part(console, part)
    console.print()
    console.print(f"{HOW} {LEANING}")
    if asked := asking(checked):
        console.print(printable(asked), soft_wrap=True)
    if commands := missing_commands(checked):
        console.print("Missing:")
    for command in commands:
        console.print(printable(f"  {command}"), soft_wrap=True)
    return printed(console)


def _summary(console: Console, checked: Sequence[CheckedClaim]) -> None:
    """One line a claim: its verdict, or where it leans."""
    from rich.table import Table
    from rich.text import Text

    grid = Table.grid(padding=(0, 2, 0, 0))
    for claim in checked:
        leaning = f", leans {LEANS[claim.leaning]}" if claim.verdict == "undecided" else ""
        grid.add_row(claim.claim.name, Text.assemble((claim.verdict, "bold"), leaning), claim.claim.text)
    console.print(grid)


def _part(console: Console, part: CheckedPart) -> None:
    """A part's tested comparisons as a table, under it what would decide them and what else is to be said."""
    console.print(f"\n{printable(part_title(part))}")
    tested = [_cells(finding) for finding in part.findings if finding.difference]
    if tested:
        columns = zip(HEADS, *tested, strict=True)
        same = {head: texts[0] for head, *texts in columns if head in NUMBERS and len(texts) > len(set(texts)) == 1}
        shown = [place for place, head in enumerate(HEADS) if head not in same]
        rows = [[printable(cells[place]) for place in shown] for cells in (HEADS, *tested)]
        alike = [f"{head} {text}" for head, text in same.items() if text != MISSING]
        if told := "; ".join(filter(None, [read_by(part), *alike])):
            console.print(printable(told), style="dim")
        print_grid(console, rows, words=(0, 1))
    for line in _lines(part.findings):
        console.print(printable(line))


def _cells(finding: Finding) -> list[str]:
    """A tested comparison as the texts of HEADS."""
    assert finding.difference is not None
    verdict = f"leans {LEANS[finding.leaning]}" if finding.verdict == "undecided" else finding.verdict
    return [finding.comparison.task, verdict, *number_cells(finding)]


def _lines(findings: Iterable[Finding]) -> Iterator[str]:
    """``rte, mrpc: about 2 more seeds would decide as often as not``, tasks of which the same is said together."""
    tasks: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        said = [told] if (told := detail(finding)) else []
        if finding.difference is None:
            said = [finding.verdict, *said]
        elif finding.verdict == "undecided":
            said = [needs(finding), *said]
        if said:
            tasks[", ".join(said)].append(finding.comparison.task)
    for text, names in tasks.items():
        yield f"{', '.join(names)}: {text}"


FORMATS: dict[str, Callable[[Sequence[CheckedClaim]], str]] = {
    "terminal": terminal,
    "markdown": as_markdown,
    "json": as_json,
}
