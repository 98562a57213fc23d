"""``lopa-bench publish to=results``: finished runs, small and without the folders of the machine that made them."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from lopa_bench.cli import words
from lopa_bench.cli.options import RUNS, option
from lopa_bench.errors import UserError
from lopa_bench.host.files import why_not_writable
from lopa_bench.host.terminal import say

SUMMARY = "finished runs as they are published: predictions compressed, no folder of this machine"
DETAILS = """\
Only runs of a table's cell are taken, on the scale's recipe, of seeds that a look at the claims may want (every=true: all). What was asked
is written once for all runs of a task. What was trained is kept of seed 0 of each table's first task, as the recipe has it, where it is
small; LOPA's prompts where seed 0's are drawn. `lopa-bench verify` checks what is published."""
EXAMPLE = "lopa-bench publish results_dir=runs to=results scale=mini"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    to: Path = option("the folder that gets SCALE/TASK/MODEL/METHOD/…", shown="DIR")
    results_dir: Path = option("the folder of results", RUNS, shown="DIR")
    scale: str = option("of the runs: mini, small, paper", "mini", shown="SCALE")
    every: bool = option("runs of no table and off the recipe too", False)


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """0; 2 where results of another schema were left out."""
    options = words.read(Options, argv, "publish")
    from lopa_bench.report.listing import examples, planned, with_prompts
    from lopa_bench.results.directory import TRAINED
    from lopa_bench.results.prompts import NAME as PROMPTS
    from lopa_bench.results.publish import content_of, publish
    from lopa_bench.results.read import read_runs

    to, here = (Path(os.path.realpath(folder)) for folder in (options.to, options.results_dir))
    if to == here or here in to.parents:
        where = "is" if to == here else "is in"
        raise UserError(f"to={options.to} {where} results_dir, where its runs would be twice; name another folder")
    if reason := why_not_writable(options.to):
        raise UserError(f"to={options.to} cannot be made: {reason}")
    runs = read_runs(options.results_dir, options.scale)
    for line in runs.complaints:
        say(line, error=True)
    paths = sorted(runs.frame["path"]) if options.every else planned(runs, options.scale)
    keepers = {TRAINED: set(examples(runs, options.scale)), PROMPTS: with_prompts(runs, options.scale)}
    kept = {path: [name for name, of in keepers.items() if path in of] for path in paths}
    for path, more in kept.items():
        content_of(path, more)  # all can be published, or none is
    for path, more in kept.items():
        publish(path, options.results_dir, options.to, more)
    say(f"{len(paths)} of {len(runs.frame)} runs published in {options.to}")
    return UserError.exit_status if runs.refused else 0
