"""``lopa-bench retention run=DIR tasks=…``: whether what a run trained for its task hurts others."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from lopa_bench.cli import words
from lopa_bench.cli.options import models_dir, option, overrides, trust_remote_code
from lopa_bench.config.files import choices
from lopa_bench.errors import UserError
from lopa_bench.host.terminal import write
from lopa_bench.results.directory import check_finished

SUMMARY = "does a finished run hurt other tasks: its model and the bare backbone on the same rows"
DETAILS = """\
`tasks` are ours, asked as their own run at this scale would (rows from where the run's were, or data.dir=DIR); any model answers them.
`harness` are tasks of lm-evaluation-harness (pip install 'lopa-bench[harness]'), which a causal model answers. The interval is the paired
bootstrap's over a task's rows; it says nothing of other seeds."""
EXAMPLE = "lopa-bench retention run=runs/mini/rte/mini_mlm/lopa/0-123456789abc tasks=sst2,mrpc"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    run: Path = option("the directory of a finished run (it holds result.json)", shown="DIR")
    tasks: tuple[str, ...] = option("tasks of ours", (), shown="TASK", choices=lambda: choices("task"))
    harness: tuple[str, ...] = option("tasks of lm-evaluation-harness", (), shown="TASK")
    tasks_dir: Path | None = option("a folder of the harness's YAML beside its own", None, shown="DIR")
    models_dir: Path | None = models_dir()
    trust_remote_code: bool = trust_remote_code()
    limit: int | None = option("rows a task, its first", None, shown="N", at_least=2)
    format: Literal["terminal", "markdown", "json"] = option("for people, documents or machines", "terminal")
    overrides: tuple[str, ...] = overrides("as of a run of those tasks of ours: data.dir= …")


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    options = words.read(Options, argv, "retention")
    check_finished(options.run)
    if not options.tasks and not options.harness:
        raise UserError("retention: tasks is needed: give tasks=TASK,… or harness=TASK,…")
    own = words.run_overrides(options.overrides)
    if options.limit is not None and any(word.startswith("data.limit=") for word in own):
        raise UserError(f"limit={options.limit}: data.limit says another number of rows; give one of them")
    from lopa_bench.report.retention import FORMATS, retention

    kept = retention(
        *(options.run, options.tasks, options.harness, options.limit, options.tasks_dir, own),
        models_dir=options.models_dir,
        trust_remote_code=options.trust_remote_code,
    )
    write(FORMATS[options.format](kept), sys.stdout)
    return 0
