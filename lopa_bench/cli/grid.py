"""``lopa-bench grid``: the learning rates and starts of every method at the embedded scale, chosen on validation scores."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections.abc import Sequence
from pathlib import Path

from lopa_bench.cli import reproduce, words
from lopa_bench.cli.options import RUNS, option
from lopa_bench.host.files import check_writable, make_folder, write_text
from lopa_bench.host.terminal import add_row, say, show, table
from lopa_bench.study.grid import SCALE, TASKS, Contender, choose, contenders, points, read_scores, scores_by_task

SUMMARY = "the learning rate and start of every method at scale=mini, chosen on the validation scores of two tasks"
DETAILS = """\
Every method has the same rates, instance methods each with the same starts of their heads, encoder frozen and trained apart, for a third
of the recipe's epochs; where a method's best rate is at the grid's edge, the next one is run until the score turns. The best three settings
of each are then run with all epochs, and the best of these is followed likewise. What is finished is found.
The values are printed, not written: conf/scale/mini.yaml is where they go."""
EXAMPLE = "lopa-bench grid method=lopa,pt --dry-run"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    method: tuple[str, ...] = option("only these", (), shown="METHOD")
    results_dir: Path = option("the folder of results", RUNS, shown="DIR")
    dry_run: bool = option("the choices so far and how many runs are missing, without running any", False, short="n")
    output: Path | None = option("a CSV file of each setting's validation score on each task", None, shown="FILE")
    workers: int | None = option(
        "processes; one per GPU, else one per core, where it is not given", None, shown="N", at_least=1
    )


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """Run what is missing, round after round, until no score grows at an edge; then print the choices. 1 if a run failed."""
    from lopa_bench.config.nearest import not_one_of
    from lopa_bench.errors import UserError

    options = words.read(Options, argv, "grid")
    known = sorted({each.method for each in contenders()})
    for name in options.method:
        if name not in known:
            raise UserError(not_one_of("method", name, known))
    if options.output:
        check_writable(options.output)
    wanted = contenders(options.method)
    status = 0
    while jobs := missing(options.results_dir, wanted):
        say(f"{len(jobs)} runs missing in {options.results_dir}")
        if options.dry_run or status:
            break
        status = reproduce.run_all(jobs, options.results_dir, min(options.workers or os.cpu_count() or 1, len(jobs)))
    if options.output:
        write_scores(options.output, options.results_dir, wanted)
    print_choices(options.results_dir, wanted)
    return status


def missing(results_dir: Path, wanted: Sequence[Contender]) -> list[reproduce.Job]:
    """The runs that the grid, or its continuation beyond an edge, has no result of yet."""
    from lopa_bench.config.quoting import as_meant
    from lopa_bench.results.read import runs_so_far
    from lopa_bench.study.plan import missing_runs

    runs = runs_so_far(results_dir, SCALE)
    scores = read_scores(runs, list(wanted))
    planned = [point.run(task) for task in TASKS for each in wanted for point in points(each, scores)]
    place = as_meant(f"results_dir={results_dir}")
    jobs = []
    for run in missing_runs(planned, runs, SCALE):
        short = "train.epochs" in run.overrides  # of these only validation scores are read; the others are a table's
        jobs += [reproduce.Job([*own, place, *["instance_rows=0"] * short], None) for own in run.argv()]
    return jobs


def write_scores(output: Path, results_dir: Path, wanted: list[Contender]) -> None:
    """One line a setting: what was tried, and its validation score on each task, empty where it has not run."""
    from lopa_bench.results.read import runs_so_far

    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["method", "encoder", "train.lr", "method.init_std", "epochs", *TASKS])
    for point, scores in scores_by_task(runs_so_far(results_dir, SCALE), wanted).items():
        encoder = {None: "", True: "frozen", False: "trained"}[point.contender.frozen]
        start = "" if point.start is None else point.start
        epochs = "all" if point.whole else "a third"
        lines.writerow([point.contender.method, encoder, f"{point.rate:g}", start, epochs, *map(scores.get, TASKS)])
    make_folder(output.parent)
    write_text(output, text.getvalue())


def print_choices(results_dir: Path, wanted: list[Contender]) -> None:
    """One line a contender: its values, the mean validation score, and whether the rate is at the edge of what was tried."""
    from lopa_bench.results.read import runs_so_far

    scores = read_scores(runs_so_far(results_dir, SCALE), list(wanted))
    shown = table(
        "method", "train.lr", "method.init_std", f"mean validation score, {' and '.join(TASKS)}", "", box=None
    )
    for each in wanted:
        choice = choose(each, scores)
        if choice is None:
            add_row(shown, (each.label, "—", "—", "—", "no run on all tasks"))
        else:
            start = "" if choice.point.start is None else str(choice.point.start)
            said = ["at the edge of what was tried"] if choice.rung else []
            said += [] if choice.point.whole else ["after a third of the epochs"]
            add_row(shown, (each.label, f"{choice.point.rate:g}", start, f"{choice.score:.2f}", ", ".join(said)))
    show(shown, width=140)
