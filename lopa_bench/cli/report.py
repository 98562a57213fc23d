"""``lopa-bench report`` and ``lopa-bench compare``; heavy imports wait until they are needed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopa_bench.errors import UserError
from lopa_bench.study.spec import SCALES

if TYPE_CHECKING:
    from lopa_bench.report.cells import Table
    from lopa_bench.results.read import Runs

FORMATS = ("terminal", "markdown", "latex", "csv", "json")


def main(argv: Sequence[str]) -> int:
    """``lopa-bench report [tables|claims|figures|html|plan]``; the exit status."""
    arguments = _report_parser().parse_args(argv)
    from lopa_bench.results.read import read_runs, runs_so_far

    for (what, option), reason in _MEANINGLESS.items():
        if arguments.what == what and getattr(arguments, option):
            raise UserError(f"--{option}: {reason}")
    read = runs_so_far if arguments.what == "plan" else read_runs
    runs = read(arguments.results_dir, arguments.scale).only(_settings(arguments.where))
    try:
        _COMMANDS[arguments.what](arguments, runs)
    finally:
        for line in (*runs.warnings, *runs.refused):
            print(line, file=sys.stderr)
    return UserError.exit_status if runs.refused else 0


def compare_main(argv: Sequence[str]) -> int:
    """``lopa-bench compare RUN_A RUN_B``; the exit status."""
    parser = argparse.ArgumentParser(
        prog="lopa-bench compare",
        description="Test two runs of one task against each other on the same examples.",
    )
    parser.add_argument("run_a", type=Path, help="directory of a finished run")
    parser.add_argument("run_b", type=Path, help="directory of a finished run of the same task")
    parser.add_argument("--flips", type=int, default=10, help="examples to list per direction")
    parser.add_argument("--format", choices=("terminal", "json"), default="terminal")
    arguments = parser.parse_args(argv)
    from lopa_bench.report.compare import as_json, as_text, compare

    comparison = compare(arguments.run_a, arguments.run_b)
    render = as_json if arguments.format == "json" else as_text
    print(render(comparison, arguments.flips))
    return 0


def _report_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="lopa-bench report",
        description="Tables, claims and figures from the finished runs of a results directory.",
    )
    parser.add_argument(
        "what",
        nargs="?",
        choices=tuple(_COMMANDS),
        default="tables",
        help="tables (default), claims, figures, one html page, or the plan: which runs the tables still lack",
    )
    parser.add_argument("--results-dir", type=Path, default=Path("results"))
    parser.add_argument("--scale", choices=SCALES, default="mini")
    parser.add_argument("--table", action="append", default=[], help="only this table (repeatable)")
    parser.add_argument("--format", choices=FORMATS, default="terminal")
    parser.add_argument("--output", type=Path, help="file to write (figures: folder); default: the terminal")
    parser.add_argument(
        "--where",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="only runs with this setting, e.g. train.lr=0.003 (repeatable)",
    )
    parser.add_argument("--fast", action="store_true", help="the runs that FAST=1 makes")
    return parser


def _tables(arguments: argparse.Namespace, runs: Runs) -> list[Table]:
    from lopa_bench.report.fill import build_tables
    from lopa_bench.study.tables import tables

    specs = tables(arguments.scale, arguments.table)
    return build_tables(specs, runs, arguments.scale, fast=arguments.fast)


def _settings(pairs: Sequence[str]) -> dict[str, Any]:
    for pair in pairs:
        if "=" not in pair:
            raise UserError(f"--where {pair}: give KEY=VALUE, e.g. --where train.lr=0.003")
    return dict(pair.split("=", 1) for pair in pairs)


def _print_tables(arguments: argparse.Namespace, runs: Runs) -> None:
    from lopa_bench.report.diagnosis import diagnose
    from lopa_bench.report.render import FORMATS as RENDER

    _write(arguments.output, RENDER[arguments.format](_tables(arguments, runs)))
    if arguments.format == "terminal":
        for line in diagnose(runs.frame):
            print(line)


def _print_claims(arguments: argparse.Namespace, runs: Runs) -> None:
    from lopa_bench.report.claims_text import FORMATS as RENDER
    from lopa_bench.report.verdicts import check_claims

    if arguments.format not in RENDER:
        raise UserError(f"--format {arguments.format}: claims come as {', '.join(RENDER)}")
    checked = check_claims(runs, arguments.scale, fast=arguments.fast)
    _write(arguments.output, RENDER[arguments.format](checked))


def _print_plan(arguments: argparse.Namespace, runs: Runs) -> None:
    """The runs that the tables still lack, in the order of the tables, with the time they will take."""
    import json

    from lopa_bench.study import plan
    from lopa_bench.study.tables import tables

    if arguments.format not in ("terminal", "json"):
        raise UserError(f"--format {arguments.format}: the plan comes as terminal, json")
    planned = plan.planned_runs(tables(arguments.scale, arguments.table), arguments.scale, arguments.fast)
    left = plan.missing_runs(planned, runs, arguments.scale)
    if arguments.format == "json":
        _write(arguments.output, json.dumps([argv for run in left for argv in run.argv()]) + "\n")
        return
    seconds = plan.describe(map(plan.Estimate(runs.frame).seconds, left)) if left else "nothing to do"
    count = [sum(len(run.seeds) for run in part) for part in (planned, left)]
    lines = [*plan.commands(left), f"{count[0]} runs planned, {count[1]} missing: {seconds}"]
    _write(arguments.output, "\n".join(lines) + "\n")


def _write_figures(arguments: argparse.Namespace, runs: Runs) -> None:
    from lopa_bench.report.figures import draw_figures

    folder = arguments.output or arguments.results_dir / "figures"
    paths = draw_figures(runs, arguments.scale, folder, fast=arguments.fast)
    print(*paths or ["no figure: the runs that figures show are missing; lopa-bench report plan lists them"], sep="\n")


def _write_html(arguments: argparse.Namespace, runs: Runs) -> None:
    from lopa_bench.report.html import write_page

    output = arguments.output or arguments.results_dir / "report.html"
    write_page(output, runs, arguments.scale, _tables(arguments, runs), fast=arguments.fast)
    print(output)


def _write(output: Path | None, text: str) -> None:
    if output is None:
        print(text, end="")
    else:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
        print(output)


_MEANINGLESS = {  # what is asked for and an option that it cannot follow
    ("plan", "where"): "the plan lists what lacks at the recipe's settings; there is nothing to choose from",
    ("claims", "table"): "claims are tested across tables; give --where to choose among runs",
    ("figures", "table"): "figures are drawn across tables; give --where to choose among runs",
}
_COMMANDS: dict[str, Callable[[argparse.Namespace, Runs], None]] = {
    "tables": _print_tables,
    "claims": _print_claims,
    "figures": _write_figures,
    "html": _write_html,
    "plan": _print_plan,
}
