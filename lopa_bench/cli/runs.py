"""``lopa-bench runs``: every run of a folder in one table, those that fit no table of the paper too."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lopa_bench.cli import words
from lopa_bench.cli.options import RUNS, option
from lopa_bench.cli.output import give
from lopa_bench.errors import UserError
from lopa_bench.host.files import check_writable
from lopa_bench.host.terminal import say
from lopa_bench.study.spec import SCALES

if TYPE_CHECKING:
    from lopa_bench.report.listing import ListedRun

SUMMARY = "every run of a folder as one table: what differs from the recipe, score, parameters, time, memory"
DETAILS = (
    "One line a setting, its seeds together. `where` keeps runs by a field or a config key; `sort` is a column's name. "
    "The last column says whether a table of `lopa-bench report` shows the run."
)
EXAMPLE = "lopa-bench runs where=task=rte sort=score format=csv"


def _columns() -> Sequence[str]:
    from lopa_bench.report.listing import FIELDS

    return tuple(FIELDS.values())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    results_dir: Path = option("the folder of results", RUNS, shown="DIR")
    scale: str | None = option("only runs of this scale", None, shown="|".join(SCALES), choices=lambda: SCALES)
    where: tuple[str, ...] = option(
        "only runs with this setting, e.g. where=train.lr=0.003 (repeatable; two of a key: either)",
        (),
        shown="KEY=VALUE",
        split=False,
    )
    sort: str = option("the column to sort by; scores from the best", "task", shown="COLUMN", choices=_columns)
    format: Literal["terminal", "csv", "json", "markdown", "parquet"] = option("how it is written", "terminal")
    output: Path | None = option("file to write instead of the terminal; parquet needs one", None, shown="FILE")


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """0; 2 where results of another schema were left out."""
    options = words.read(Options, argv, "runs")
    if options.format == "parquet" and options.output is None:
        raise UserError("runs: format=parquet is not text: give output=FILE")
    if options.output:
        check_writable(options.output, "output")
    where = words.settings(options.where, "runs")
    from lopa_bench.report.listing import list_runs
    from lopa_bench.results.read import read_runs

    found = {
        scale: read_runs(options.results_dir, scale) for scale in (SCALES if options.scale is None else [options.scale])
    }
    words.check_known(list(found.values()), where, "runs")
    listed = [run for scale, runs in found.items() for run in list_runs(runs.only(where), scale)]
    _write(options, _sorted(listed, options.sort))
    for runs in found.values():
        say(*runs.complaints, error=True)
    return UserError.exit_status if any(runs.refused for runs in found.values()) else 0


def _sorted(listed: list[ListedRun], key: str) -> list[ListedRun]:
    """By a field, those without a value last; scores from the highest, all else from the lowest."""
    known = [run for run in listed if getattr(run, key) is not None]
    rest = [run for run in listed if getattr(run, key) is None]
    return sorted(known, key=lambda run: getattr(run, key), reverse=key == "score") + rest


def _write(options: Options, listed: list[ListedRun]) -> None:
    from lopa_bench.report import listing_text

    if options.format == "parquet" and options.output:
        listing_text.as_parquet(listed, options.output)
        say(options.output)
    else:
        give(listing_text.FORMATS[options.format](listed), options.output, options.format)
