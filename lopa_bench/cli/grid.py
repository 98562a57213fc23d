"""``lopa-bench grid``: the learning rates and starts of every method, chosen on validation scores."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from lopa_bench.cli import words
from lopa_bench.cli.options import RUNS, option, overrides
from lopa_bench.errors import UserError
from lopa_bench.host.files import check_writable, make_folder, write_text
from lopa_bench.host.terminal import add_row, say, show, table
from lopa_bench.study import pool

if TYPE_CHECKING:
    from lopa_bench.study.grid import Grid, Point
    from lopa_bench.study.jobs import Job
    from lopa_bench.study.progress import Progress

SUMMARY = "the learning rate and start of every method, found by the same rule, chosen on validation scores"
DETAILS = """\
Every method has the same rates, and the recipe's; where its best is at an edge, the next one is run until the score turns. At scale=mini
instance methods have the same starts of their heads, encoder frozen and trained apart, for a third of the recipe's epochs; the best three
settings of each are then run with all epochs, and the best of these is followed where nothing was tried beyond it. At scale=small every
run has all epochs and the recipe's start. What an override says is so in all runs: encoder=mpnet data.dir=DIR method.freeze_encoder=false.
What is finished is found; a setting with which a run diverges counts as the worst. The values are printed, not written: train.lr=… takes
them, or a conf/scale/*.yaml of yours."""
EXAMPLE = "lopa-bench grid method=lopa,pt --dry-run"
SCALES = ("mini", "small")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    method: tuple[str, ...] = option("only these", (), shown="METHOD")
    task: tuple[str, ...] = option(
        "whose validation scores choose; rte,sst2 at scale=mini, sst2 at small", (), shown="TASK"
    )
    scale: str = option("of the runs", "mini", shown="|".join(SCALES), choices=lambda: SCALES)
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
    from lopa_bench.study.progress import Progress

    options = words.read(Options, argv, "grid")
    grid = grid_of(options)
    if options.results_dir.exists() and not options.results_dir.is_dir():
        raise UserError(f"results_dir={options.results_dir}: it is no folder; name one")
    if options.output:
        check_writable(options.output, "output")
    progress = Progress(grid, grid.contenders(tuple(dict.fromkeys(options.method))), options.results_dir)
    status = 0
    while jobs := progress.missing():
        say(f"{len(jobs)} run{'s' * (len(jobs) > 1)} missing in {options.results_dir}")
        if options.dry_run:
            break
        ended = run_all([grid.words(*job) for job in jobs], options)
        progress.look()
        if progress.give_up(jobs, {job for job, made in zip(jobs, ended, strict=True) if made.diverged}):
            status = 1
    if options.output:
        write_scores(options.output, progress)
    print_choices(progress)
    return status


def grid_of(options: Options) -> Grid:
    """What is tried.

    Raises:
        UserError: a method or task that there is not, or an override for what the grid itself says, given twice, or of no method.
    """
    from lopa_bench.config.keys import key_of
    from lopa_bench.config.nearest import not_one_of
    from lopa_bench.study.grid import ITS_OWN, applies, contending, grid
    from lopa_bench.tasks.known import known as known_task
    from lopa_bench.tasks.known import names

    methods = sorted(contending())
    for kind, asked, known in (("method", options.method, methods), ("task", options.task, names())):
        for name in asked:
            if name not in known:
                raise UserError(not_one_of(kind, name, known))
    for name in options.task:
        task = known_task(name)
        if not task.metrics[task.metric].higher_is_better:
            raise UserError(
                f"task={name}: the grid takes the highest score, and of {task.metric} the least is best; take another task"
            )
    told: dict[str, str] = {}
    for word in words.run_overrides(options.overrides):
        key = key_of(word)
        if key in ITS_OWN:
            raise UserError(f"{word}: the grid says which {key} its runs have; leave it out")
        if key in told:
            raise UserError(f"grid: {word} is the second {key}; give one")
        if not any(applies(method, key) for method in options.method or methods):
            raise UserError(f"{word}: no method of the grid has {key}")
        told[key] = word
    return grid(options.scale, tuple(dict.fromkeys(options.task)), tuple(told.values()))


def run_all(jobs: Sequence[list[str]], options: Options) -> list[Job]:
    """What became of each."""
    from lopa_bench.config.quoting import as_meant

    place = as_meant(f"results_dir={options.results_dir}")
    count = pool.workers_for(options.workers, len(jobs))
    return pool.run_all([pool.Command([*own, place], None) for own in jobs], options.results_dir, count)


def write_scores(output: Path, progress: Progress) -> None:
    """One line a setting: what was tried, and its validation score on each task, empty where it has not run."""
    tasks = progress.grid.tasks
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["method", "encoder", "train.lr", "method.init_std", "epochs", *tasks])
    for point, scores in progress.scores.items():
        encoder = {None: "", True: "frozen", False: "trained"}[point.contender.frozen]
        start = "" if point.start is None else point.start
        own = [scores.get(task, "") for task in tasks]
        lines.writerow([point.contender.method, encoder, f"{point.rate:g}", start, epochs(progress.grid, point), *own])
    make_folder(output.parent, "output")
    write_text(output, text.getvalue())


def epochs(grid: Grid, point: Point) -> int:
    """Of a setting's run on the first task."""
    from lopa_bench.config.compose import load_config

    return load_config(grid.words(point, grid.tasks[0])).train.epochs


def print_choices(progress: Progress) -> None:
    """One line a contender: its values, the mean validation score, and whether a rate beside it was not tried."""
    from lopa_bench.study.grid import FAILED, choose

    tasks, scores = progress.grid.tasks, progress.means
    score = f"{'mean ' if len(tasks) > 1 else ''}validation score, {' and '.join(tasks)}"
    shown = table("method", "train.lr", "method.init_std", score, "", box=None)
    for each in progress.wanted:
        choice = choose(each, scores)
        if each in progress.failed:
            add_row(shown, (each.label, "—", "—", "—", "runs failed, not for their setting; the same command goes on"))
        elif choice is None:
            add_row(shown, (each.label, "—", "—", "—", "no run on all tasks"))
        else:
            start = "" if choice.point.start is None else str(choice.point.start)
            said = ["a rate beside it was not tried"] if choice.rung else []
            diverged = sum(FAILED in own.values() for point, own in progress.scores.items() if point.contender == each)
            said += [f"{diverged} diverged"] if diverged else []
            said += [] if choice.point.whole else [f"after {epochs(progress.grid, choice.point)} epochs"]
            add_row(shown, (each.label, f"{choice.point.rate:g}", start, f"{choice.score:.2f}", ", ".join(said)))
    show(shown, width=140)
