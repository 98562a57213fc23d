"""Does what was trained for one task hurt another? Scores of the bare backbone and of a finished run's model, on the same rows."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lopa_bench.config.nearest import not_one_of
from lopa_bench.errors import UserError
from lopa_bench.host.extras import require
from lopa_bench.report import markdown
from lopa_bench.report.resampling import RowScores, scores_of
from lopa_bench.report.statistics import paired_difference
from lopa_bench.report.terminal import console_of_reports, print_grid, printed
from lopa_bench.report.texts import p_to_four_places
from lopa_bench.study.claim import Region

if TYPE_CHECKING:
    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel

HEADS = ("task", "metric", "rows", "backbone", "with the run", "difference", "95 % interval", "p")


@dataclasses.dataclass(frozen=True)
class Kept:
    """A metric of a task before and after.

    Attributes:
        unit: of the scores. low, high, p: of the difference over the task's rows; None where the metric is no sum over rows, or of one row.
        better: whether more is.
    """

    task: str
    metric: str
    unit: str
    better: bool
    rows: int
    backbone: float
    run: float
    low: float | None
    high: float | None
    p: float | None

    @property
    def difference(self) -> float:
        return self.run - self.backbone

    def texts(self) -> list[str]:
        """The cells of its line under `HEADS`."""
        digits = ".2f" if self.unit == "%" else ".4g"
        scores = [format(value, digits) for value in (self.backbone, self.run)]
        changes = [None if value is None else f"{value:+{digits}}" for value in (self.difference, self.low, self.high)]
        shown = f"{self.metric}{f' ({self.unit})' if self.unit else ''}{'' if self.better else ' ↓'}"
        interval = "" if self.low is None else f"{changes[1]} … {changes[2]}"
        return [
            self.task,
            shown,
            f"{self.rows:,}",
            *scores,
            changes[0] or "",
            interval,
            "" if self.p is None else p_to_four_places(self.p),
        ]


def retention(
    run: Path,
    tasks: Sequence[str],
    harness: Sequence[str],
    limit: int | None,
    tasks_dir: Path | None,
    words: Sequence[str],
    models_dir: Path | None = None,
    trust_remote_code: bool = False,
) -> list[Kept]:
    """The run's model and its bare backbone on `tasks` of ours and on tasks of lm-evaluation-harness.

    Args:
        limit: rows a task, its first. tasks_dir: a folder of the harness's YAML beside its own. words: overrides for our tasks.
        models_dir, trust_remote_code: as of `lopa_bench.run.trained.load_trained`.

    Raises:
        UserError: no finished run, a task that is not there or cannot be put to the model, lm-eval is not installed.
    """
    if harness:
        require("lm_eval", "retention: harness=…")
    from lopa_bench.host.processes import processes
    from lopa_bench.run.elsewhere import bare, on_task
    from lopa_bench.run.trained import load_trained

    together = processes()
    config, model = load_trained(run, str(together.device), models_dir, trust_remote_code)
    limited = [] if limit is None else [f"data.limit={limit}"]
    asked = [on_task(config, task, [*limited, *words]) for task in tasks]
    without, backbone = bare(config, together)
    kept = [_of_own(other, model, on_task(without, other.task.name, [*limited, *words]), backbone) for other in asked]
    if harness:
        kept += _of_harness([(config, model), (without, backbone)], harness, limit, tasks_dir)
    return kept


def _of_own(config: Config, model: AdaptedModel, without: Config, backbone: AdaptedModel) -> Kept:
    from lopa_bench.run.elsewhere import answer

    metric = config.task.metrics[config.task.metric]
    after, before = answer(model, config), answer(backbone, without)
    scores = [scores_of(answers.lines, metric) for answers in (after, before)]
    if scores[0] is None or scores[1] is None:
        raise UserError(
            f"task={config.task.name}: {metric.name} is no sum over rows; nearest: task.scored_by with another metric"
        )
    return _kept(config.task.title, metric.label, metric.unit, metric.higher_is_better, scores[0], scores[1])


def _kept(task: str, metric: str, unit: str, better: bool, after: RowScores, before: RowScores) -> Kept:
    found = paired_difference([after], [before], [after.value - before.value], Region(low=0.0))
    low, high = (None if math.isnan(bound) else bound for bound in (found.low, found.high))
    return Kept(task, metric, unit, better, found.rows, before.value, after.value, low, high, found.p_examples)


def _of_harness(
    models: Sequence[tuple[Config, AdaptedModel]], tasks: Sequence[str], limit: int | None, tasks_dir: Path | None
) -> Iterator[Kept]:
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    from lopa_bench.run.harness.__main__ import LopaLM
    from lopa_bench.run.harness.scoring import Scorer

    scorers = [Scorer(model, config) for config, model in models]
    manager = TaskManager(include_path=None if tasks_dir is None else str(tasks_dir))
    for task in tasks:
        if task not in manager.all_tasks:
            raise UserError(not_one_of("harness", task, manager.all_tasks))
    after, before = (
        simple_evaluate(LopaLM(each), tasks=list(tasks), limit=limit, task_manager=manager, bootstrap_iters=0)
        for each in scorers
    )
    for task, metrics in after["results"].items():
        for name, value in metrics.items():
            metric, _, chosen = name.partition(",")
            if chosen and not metric.endswith("_stderr") and isinstance(value, float):
                better = bool(after["higher_is_better"].get(task, {}).get(metric, True))
                yield _of_samples(task, metric, chosen, better, after, before)


def _of_samples(
    task: str, metric: str, chosen: str, better: bool, after: Mapping[str, Any], before: Mapping[str, Any]
) -> Kept:
    """One of the harness's metrics, in its own unit; with an interval where it is the mean of what its samples say."""
    values = [float(each["results"][task][f"{metric},{chosen}"]) for each in (after, before)]
    samples = [[s for s in each["samples"].get(task, []) if s["filter"] == chosen] for each in (after, before)]
    rows = [
        np.asarray([s[metric] for s in each if isinstance(s.get(metric), int | float)], dtype=float) for each in samples
    ]
    means = [float(each.mean()) if len(each) else math.nan for each in rows]
    if not all(math.isclose(mean, value, abs_tol=1e-9) for mean, value in zip(means, values, strict=True)):
        return Kept(task, metric, "", better, len(samples[0]), values[1], values[0], None, None, None)
    one, other = (RowScores(each[:, None], lambda sums, n: sums[..., 0] / n) for each in rows)
    return _kept(task, metric, "", better, one, other)


def terminal(kept: Sequence[Kept]) -> str:
    """A table for the terminal, a line a score."""
    console = console_of_reports()
    grid = [list(HEADS), *(each.texts() for each in kept)]
    print_grid(console, grid)
    return printed(console)


def as_markdown(kept: Sequence[Kept]) -> str:
    """The same as a Markdown table."""
    return markdown.table("ll" + "r" * (len(HEADS) - 2), HEADS, (list(map(markdown.cell, k.texts())) for k in kept))


def as_json(kept: Sequence[Kept]) -> str:
    lines = [{**dataclasses.asdict(each), "difference": each.difference} for each in kept]
    return json.dumps(lines, indent=1, ensure_ascii=False) + "\n"


FORMATS = {"terminal": terminal, "markdown": as_markdown, "json": as_json}
