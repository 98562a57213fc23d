"""``lopa-bench answer``: is it the gate or the trained encoder? From tested claims, at every scale that has runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lopa_bench.cli import words
from lopa_bench.cli.options import RUNS, option
from lopa_bench.cli.output import give
from lopa_bench.errors import UserError
from lopa_bench.host.extras import require
from lopa_bench.host.files import check_writable
from lopa_bench.host.terminal import say

SUMMARY = "is it the gate, the trained encoder, the rank? tested, embedded and real data side by side"
DETAILS = """\
Answers from the claims' tests (lopa-bench report claims) with effects, intervals and seeds, for every scale below results_dir that has
runs. The figure shows the same: filled markers are decided, shaded is where a statement is true."""
EXAMPLE = "lopa-bench answer results_dir=results"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    results_dir: Path = option("the folder of results", RUNS, shown="DIR")
    format: Literal["terminal", "markdown", "json"] = option("how the answers are written", "terminal")
    output: Path | None = option("file to write instead of the terminal", None, shown="FILE")
    figures: Path | None = option("folder to draw answer.svg and answer.png into, too", None, shown="DIR")


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """0; 2 where results of another schema were left out."""
    options = words.read(Options, argv, "answer")
    if options.figures:
        require("matplotlib", "answer figures=DIR")
        check_writable(options.figures / "answer.svg", "figures")
    if options.output:
        check_writable(options.output, "output")
    from lopa_bench.report.answer import FORMATS, answer
    from lopa_bench.results.read import read_runs
    from lopa_bench.study.spec import SCALES

    found = {scale: read_runs(options.results_dir, scale) for scale in SCALES}
    answers = {scale: answer(runs, scale) for scale, runs in found.items() if not runs.frame.empty}
    said = [line for runs in found.values() for line in runs.complaints]
    say(*said, error=True)
    if not answers:
        raise UserError(f"results_dir={options.results_dir}: no finished runs below it; lopa-bench plan lists them")
    give(FORMATS[options.format](answers), options.output, options.format)
    if options.figures:
        from lopa_bench.report.figures.answer import figure
        from lopa_bench.report.figures.style import save, styled

        with styled():
            drawn = figure(answers)
        say(*save(drawn, options.figures, "answer"))
    return UserError.exit_status if any(runs.refused for runs in found.values()) else 0
