"""``lopa-bench grid``: the learning rates and starts of every method, chosen on validation scores."""

from __future__ import annotations

import csv
import dataclasses
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lopa_bench.cli import reproduce, words
from lopa_bench.cli.options import RUNS, option, overrides
from lopa_bench.host.files import check_writable, make_folder, write_text
from lopa_bench.host.terminal import add_row, say, show, table
from lopa_bench.study.grid import EPOCHS, GRIDS, VARIED, Contender, Grid, applies, choose, grid

if TYPE_CHECKING:
    from lopa_bench.results.read import Runs

FILES = ("data.train", "data.validation", "data.test")

SUMMARY = "the learning rate and start of every method, each with the same budget, chosen on validation scores"
DETAILS = """\
Every method has the same rates; where its best is at the grid's edge, the next one is run until the score turns. At scale=mini instance
methods have the same starts of their heads, encoder frozen and trained apart, for a third of the recipe's epochs; the best three settings
of each are then run with all epochs, and the best of these is followed likewise. At scale=small every run has all epochs and the recipe's
start. What an override says is so in all runs: encoder=mpnet data.dir=DIR method.freeze_encoder=false. What is finished is found.
The values are printed, not written: conf/scale/*.yaml is where they go, or train.lr= on the command line."""
EXAMPLE = "lopa-bench grid method=lopa,pt --dry-run"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    method: tuple[str, ...] = option("only these", (), shown="METHOD")
    task: tuple[str, ...] = option(
        "whose validation scores choose; rte,sst2 at scale=mini, sst2 at small", (), shown="TASK"
    )
    scale: str = option("of the runs", "mini", shown="|".join(GRIDS), choices=lambda: tuple(GRIDS))
    results_dir: Path = option("the folder of results", RUNS, shown="DIR")
    dry_run: bool = option("the choices so far and how many runs are missing, without running any", False, short="n")
    output: Path | None = option("a CSV file of each setting's validation score on each task", None, shown="FILE")
    workers: int | None = option(
        "processes; one per GPU, else one per core, where it is not given", None, shown="N", at_least=1
    )
    overrides: tuple[str, ...] = overrides(
        "of every run: encoder=NAME model=NAME models.dir=DIR data.dir=DIR data.train_limit=N …"
    )


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """Run what is missing, round after round, until no score grows at an edge; then print the choices. 1 if a run failed."""
    from lopa_bench.errors import UserError

    options = words.read(Options, argv, "grid")
    tried, told = grid_of(options)
    if options.output:
        check_writable(options.output)
    wanted = tried.contenders(options.method)
    status, before = 0, None
    while jobs := missing(options.results_dir, tried, wanted, told):
        say(f"{len(jobs)} runs missing in {options.results_dir}")
        if options.dry_run or status:
            break
        if jobs == before:
            raise UserError(
                f"{' '.join(told)}: runs that were told this are not found again by their settings; lopa-bench -m train.lr=… tries rates"
            )
        before = jobs
        status = reproduce.run_all(jobs, options.results_dir, min(options.workers or os.cpu_count() or 1, len(jobs)))
    runs = _runs(options.results_dir, tried)
    if options.output:
        write_scores(options.output, runs, tried, wanted)
    print_choices(runs, tried, wanted)
    return status


def grid_of(options: Options) -> tuple[Grid, list[str]]:
    """What is tried, and the overrides of every run as they are typed.

    Raises:
        UserError: a method or task that it does not have, or an override for what it varies or cannot tell apart.
    """
    from lopa_bench.config.nearest import not_one_of
    from lopa_bench.errors import UserError
    from lopa_bench.tasks.known import names

    methods = sorted({each.method for each in GRIDS[options.scale].contenders()})
    for name in options.method:
        if name not in methods:
            raise UserError(not_one_of("method", name, methods))
    for name in options.task:
        if name not in names():
            raise UserError(not_one_of("task", name, names()))
    told: dict[str, str] = {}
    meant = words.run_overrides(options.overrides)
    for word in meant:
        key, _, value = word.partition("=")
        if key in VARIED:
            raise UserError(f"{word}: the grid says which {key} its runs have; leave it out")
        if key in FILES:
            raise UserError(
                f"{word}: the grid finds results by settings, which do not tell files apart; lopa-bench -m train.lr=… does"
            )
        told[key] = value
    if told.get("model") == "local":  # its name is its folder's
        told["model"] = told.get("model.name") or Path(told.get("model.path", "")).resolve().name
    return grid(options.scale, options.task, told), meant


def missing(results_dir: Path, tried: Grid, wanted: Sequence[Contender], meant: Sequence[str]) -> list[reproduce.Job]:
    """The runs that the grid, or its continuation beyond an edge, has no result of yet."""
    from lopa_bench.config.quoting import as_meant

    place = as_meant(f"results_dir={results_dir}")
    typed = {_key(word): word for word in meant}
    jobs = []
    for run in tried.missing(wanted, _runs(results_dir, tried)):
        (own,) = run.argv()
        chosen = [word for word in own if _key(word) not in typed]
        told = [word for key, word in typed.items() if applies(run.method, key)]
        # Of short runs only validation scores are read; the others may be a table's.
        short = ["instance_rows=0"] if any(_key(word) == EPOCHS for word in chosen) else []
        jobs.append(reproduce.Job([*chosen, *told, place, *short], None))
    return jobs


def _key(word: str) -> str:
    return word.partition("=")[0]


def _runs(results_dir: Path, tried: Grid) -> Runs:
    from lopa_bench.results.read import runs_so_far

    return runs_so_far(results_dir, tried.scale)


def write_scores(output: Path, runs: Runs, tried: Grid, wanted: Sequence[Contender]) -> None:
    """One line a setting: what was tried, and its validation score on each task, empty where it has not run."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["method", "encoder", "train.lr", "method.init_std", "epochs", *tried.tasks])
    for point, scores in tried.scores_by_task(runs, wanted).items():
        encoder = {None: "", True: "frozen", False: "trained"}[point.contender.frozen]
        start = "" if point.start is None else point.start
        epochs = "all" if point.whole else "a third"
        own = [scores.get(task, "") for task in tried.tasks]
        lines.writerow([point.contender.method, encoder, f"{point.rate:g}", start, epochs, *own])
    make_folder(output.parent)
    write_text(output, text.getvalue())


def print_choices(runs: Runs, tried: Grid, wanted: Sequence[Contender]) -> None:
    """One line a contender: its values, the mean validation score, and whether the rate is at the edge of what was tried."""
    scores = tried.scores(runs, wanted)
    score = f"{'mean ' if len(tried.tasks) > 1 else ''}validation score, {' and '.join(tried.tasks)}"
    shown = table("method", "train.lr", "method.init_std", score, "", box=None)
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
