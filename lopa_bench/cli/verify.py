"""``lopa-bench verify results_dir=results``: is what is published what was run?"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lopa_bench.cli import words
from lopa_bench.cli.options import RUNS, option
from lopa_bench.errors import UserError
from lopa_bench.host.terminal import say

SUMMARY = "published results against themselves: files, scores from predictions, tables from results"
DETAILS = """\
Every file is compared with the checksum in its result.json, every score computed again from the predictions beside it, and every table,
claims included, in DIR/tables with what the results give. Scores that no sums over rows give (NIST, METEOR, ROUGE-L, CIDEr, TER, chrF++,
parts of WebNLG) are counted and left, but for scores=all, which takes as long as they did after each run.
Exit status 1 if anything differs."""
EXAMPLE = "lopa-bench verify results_dir=results"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    results_dir: Path = option("the folder of results", RUNS, shown="DIR")
    scores: Literal["rows", "all"] = option("those that rows add up to, or NIST, METEOR and the like, too", "rows")


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """0 if all is well, 1 if something differs; 2 where there is nothing to check."""
    options = words.read(Options, argv, "verify")
    from lopa_bench.report.verify import verify
    from lopa_bench.results.read import read_runs
    from lopa_bench.study.spec import SCALES

    problems, found = list[str](), 0
    for scale in SCALES:
        runs = read_runs(options.results_dir, scale)
        problems += runs.complaints
        found += len(runs.frame)
        if not runs.frame.empty:
            checked = verify(runs, scale, options.results_dir / scale, everything=options.scores == "all")
            say(f"{scale}: {len(runs.frame):,} runs; " + ", ".join(map(str, checked)))
            problems += [line for each in checked for line in each.wrong]
    for line in problems:
        say(line, error=True)
    if not found and not problems:  # nothing was looked at, which must not look as if all were well
        known = f"runs lie in DIR/SCALE/TASK/…, SCALE one of {', '.join(SCALES)}"
        raise UserError(f"results_dir={options.results_dir}: no finished runs below it; {known}")
    return 1 if problems else 0
