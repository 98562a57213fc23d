"""``lopa-bench share run=DIR to=DIR organization=NAME``: a finished run in a form that other people's tools read."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from lopa_bench.cli import words
from lopa_bench.cli.options import option
from lopa_bench.host.terminal import say

SUMMARY = "a finished run as Every Eval Ever JSON: scores, and a line for each answer"
DETAILS = """\
Files lie where the datastore of Every Eval Ever wants them, below to/data. The rows are read again from where they were, for each
question's text, and must be those that the run was scored on."""
EXAMPLE = "lopa-bench share run=runs/mini/rte/mini_mlm/lopa/0-123456789abc to=shared organization='My lab'"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    run: Path = option("the directory of a finished run (it holds result.json)", shown="DIR")
    to: Path = option("the folder that gets data/…", shown="DIR")
    organization: str = option("who made the run, as the record is to name it", shown="NAME")


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    options = words.read(Options, argv, "share")
    from lopa_bench.report.every_eval_ever import write_eval

    written = write_eval(options.run, options.to, options.organization)
    say(written.aggregate)
    say(written.answers or "no line for each answer: none of them is right or wrong by itself")
    return 0
