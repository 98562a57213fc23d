"""``lopa-bench report``: tables, claims, figures and a page of finished runs; heavy imports wait until they are needed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lopa_bench.cli import words
from lopa_bench.cli.options import RUNS, Choice, option
from lopa_bench.cli.output import give
from lopa_bench.errors import UserError
from lopa_bench.host.extras import require
from lopa_bench.host.files import check_writable
from lopa_bench.host.terminal import say
from lopa_bench.study.spec import SCALES

if TYPE_CHECKING:
    from lopa_bench.report.cells import Table
    from lopa_bench.results.read import Runs

SUMMARY = "the paper's tables, claims and figures from finished runs"
DETAILS = "Reads what runs have written below results_dir. Which runs are missing: lopa-bench plan."
NO_FIGURE = "no figure: the runs that figures show are missing; lopa-bench plan lists them"
EXAMPLE = "lopa-bench report table=glue scale=paper format=latex"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    """What every kind of report takes."""

    results_dir: Path = option("the folder of results", RUNS, shown="DIR")
    scale: str = option("of the runs", "mini", shown="|".join(SCALES), choices=lambda: SCALES)
    where: tuple[str, ...] = option(
        "only runs with this setting, e.g. where=train.lr=0.003 (repeatable)", (), shown="KEY=VALUE", split=False
    )
    fast: bool = option("the runs that FAST=1 makes", False)
    output: Path | None = option("file to write (figures: folder) instead of the terminal", None, shown="FILE")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Tables(Options):
    table: tuple[str, ...] = option("only these (lopa-bench list tables)", (), shown="TABLE")
    format: Literal["terminal", "markdown", "latex", "csv", "json"] = option("how they are written", "terminal")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Claims(Options):
    format: Literal["terminal", "markdown", "json"] = option("how they are written", "terminal")
    seeds: int | None = option(
        "how many were planned before the first run, to be looked at once, in place of the study's looks",
        None,
        shown="N",
        above=1,
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Html(Options):
    table: tuple[str, ...] = option("only these (lopa-bench list tables)", (), shown="TABLE")


OPTIONS = Choice("what", {"tables": Tables, "claims": Claims, "figures": Options, "html": Html}, default="tables")


def main(argv: Sequence[str]) -> int:
    """0; 2 where results of another schema were left out."""
    what, options = words.choose(OPTIONS, argv, "report")
    where = words.settings(options.where, "report")
    place = {"figures": _folder(options) / "figure", "html": _page(options)}.get(what, options.output)
    if place:
        check_writable(place, "output")
    from lopa_bench.results.read import read_runs

    every = read_runs(options.results_dir, options.scale)
    words.check_known([every], where, "report")
    runs = every.only(where)
    try:
        WRITERS[what](options, runs)
    finally:
        say(*runs.complaints, error=True)
    return UserError.exit_status if runs.refused else 0


def _folder(options: Options) -> Path:
    return options.output or options.results_dir / "figures"


def _page(options: Options) -> Path:
    return options.output or options.results_dir / "report.html"


def _tables(options: Tables | Html, runs: Runs) -> list[Table]:
    from lopa_bench.report.fill import build_tables
    from lopa_bench.study.tables import tables

    specs = tables(options.scale, options.table)
    return build_tables(specs, runs, options.scale, fast=options.fast)


def _write_tables(options: Tables, runs: Runs) -> None:
    from lopa_bench.report.diagnosis import diagnose
    from lopa_bench.report.listing import unlisted
    from lopa_bench.report.render import FORMATS

    give(FORMATS[options.format](_tables(options, runs)), options.output, options.format)
    if options.format == "terminal":
        say(*diagnose(runs.frame))
        say(*unlisted(runs, options.scale, options.fast))


def _write_claims(options: Claims, runs: Runs) -> None:
    from lopa_bench.report.claims_terminal import FORMATS
    from lopa_bench.report.verdicts import check_claims

    checked = check_claims(runs, options.scale, fast=options.fast, seeds=options.seeds)
    give(FORMATS[options.format](checked), options.output, options.format)


def _write_figures(options: Options, runs: Runs) -> None:
    require("matplotlib", "report figures")
    from lopa_bench.report.figures import draw_figures

    paths = draw_figures(runs, options.scale, _folder(options), fast=options.fast)
    say(*map(str, paths)) if paths else say(NO_FIGURE)


def _write_html(options: Html, runs: Runs) -> None:
    require("matplotlib", "report html")
    from lopa_bench.report.html import write_page

    write_page(_page(options), runs, options.scale, _tables(options, runs), fast=options.fast)
    say(_page(options))


# What writes a report: of its options, whose `where` the runs have gone through.
WRITERS: dict[str, Callable[[Any, Runs], None]] = {
    "tables": _write_tables,
    "claims": _write_claims,
    "figures": _write_figures,
    "html": _write_html,
}
