"""``lopa-bench compare RUN_A RUN_B``: two runs of one task against each other, on the same examples."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lopa_bench.cli import words
from lopa_bench.cli.options import option
from lopa_bench.host.terminal import say, say_json

SUMMARY = "two runs: a paired test and the examples that flip"
EXAMPLE = "lopa-bench compare runs/mini/rte/mini_mlm/lopa/0-… runs/mini/rte/mini_mlm/pt/0-… flips=3"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    run_a: Path = option("directory of a finished run", shown="RUN_A", bare=True)
    run_b: Path = option("directory of a finished run of the same task", shown="RUN_B", bare=True)
    flips: int = option("examples to list per direction", 10, shown="N", at_least=0)
    format: Literal["terminal", "json"] = option("for people or for machines", "terminal")


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    options = words.read(Options, argv, "compare")
    from lopa_bench.report.compare import as_json, as_text, compare

    comparison = compare(options.run_a, options.run_b)
    if options.format == "json":
        say_json(as_json(comparison, options.flips) + "\n")
    else:
        say(as_text(comparison, options.flips))
    return 0
