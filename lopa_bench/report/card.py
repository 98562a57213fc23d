"""The model card of an exported run: what it is, what it scored with what spread, and how to make it again."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopa_bench.config import places
from lopa_bench.config.files import is_choice
from lopa_bench.metrics.metric import Metric
from lopa_bench.report.listing import ListedRun, list_runs
from lopa_bench.results.directory import load_result
from lopa_bench.results.read import runs_beside
from lopa_bench.results.record import Result
from lopa_bench.tasks.known import as_run
from lopa_bench.tasks.places import own_files
from lopa_bench.tasks.sources import EMBEDDED

if TYPE_CHECKING:
    from lopa_bench.config.schema import Config
    from lopa_bench.tasks.base import Task

PAPER = "[Prompt Tuning Strikes Back: Customizing Foundation Models with Low-Rank Prompt Adaptation](https://arxiv.org/abs/2405.15282)"
TEMPLATE = """\
# {title}

What `method={method}` has learnt for the task **{task}** on {base}, exported by lopa-bench {version}.

This folder is {written}.

| | |
| --- | --- |
| task | {task}, {rows:,} {kind}rows of the reported split |
| {metric} | {score} |
| base model | {base} |
| parameters | {counted:,} as the paper counts, {trained:,} got gradients |
| data | SHA-256 of its rows: {data} |
| epoch | {epoch}, by selection={selection} |

{spread}

The command that makes it again (digest `{digest}`{placeholder}):

```sh
{command}
```

lopa-bench reproduces {paper} and goes past it.{licence}
"""


def card(run: Path, config: Config, written: str, licence: str | None) -> str:
    """The text of a README.md for the hub, from the run's result and those of its other seeds beside it.

    Args:
        written: what was exported, in words. licence: the hub's name of one; None says that none is stated.

    Raises:
        UserError: no finished run there.
    """
    _, result = load_result(run)
    (listed,) = list_runs(runs_beside(run), result.scale)
    task = as_run(result.task, result.setting("task") or {})
    metric, revision = task.metrics[result.metric], config.model.revision
    base = f"{places.public_name(config.model.path, config.model.name)}{f' (revision {revision})' if revision else ''}"
    command = _command(result, listed, ["models.dir=DIR"] if places.is_own(config.model.path) else [])
    text = TEMPLATE.format(
        title=f"{result.task} · {result.method} · {result.model}",
        method=result.method,
        task=task.title,
        base=base,
        version=result.versions.get("lopa-bench", ""),
        written=written,
        rows=result.data.rows[result.reported_split],
        kind="embedded, synthetic " if result.data.source in EMBEDDED else "",
        metric=metric.axis,
        score=_score(result, listed),
        counted=result.parameters.paper,
        trained=result.parameters.trained,
        data=", ".join(f"{split} `{value}`" for split, value in result.data.fingerprints.items()),
        selection=result.selection,
        epoch=result.selected_epoch,
        spread=_spread(listed),
        digest=result.digest,
        placeholder="; DIR stands for a folder of yours" if "=DIR" in command else "",
        command=command,
        paper=PAPER,
        licence=""
        if licence
        else " No licence is stated for these weights; the base model's and the data's terms apply.",
    )
    return f"---\n{_metadata(result, config, task, metric, written, licence)}\n---\n\n{text}"


def _score(result: Result, listed: ListedRun) -> str:
    if listed.deviation is None:
        return f"{result.score:.2f} (one seed)"
    return f"{result.score:.2f}; mean {listed.score:.2f} ± {listed.deviation:.2f} over {len(listed.seeds)} seeds"


def _spread(listed: ListedRun) -> str:
    if listed.deviation is None:
        return "One run says nothing of other seeds."
    return f"± is the standard deviation over the seeds {', '.join(map(str, listed.seeds))}; these weights are those of one of them."


def command_of(run: Path) -> str:
    """The command that makes a finished run again; DIR in it stands for a folder of the user's. Raises `UserError`."""
    _, result = load_result(run)
    (listed,) = list_runs(runs_beside(run), result.scale)
    return _command(result, listed, [])


def _command(result: Result, listed: ListedRun, below: list[str]) -> str:
    """The command; `below` says where a model that conf/ has a name for is, if that is no hub."""
    named = is_choice("model", result.model)
    model = [f"model={result.model}", *below] if named else ["model=local", "model.path=DIR"]
    chosen = [f"task={result.task}", f"method={result.method}", *model, f"scale={result.scale}", f"seed={result.seed}"]
    own = any(word.startswith("data.train=") for word in listed.differs)
    folder = ["data.dir=DIR"] if result.data.source == "files" and not own else []
    differs = [  # of init_from there is a fingerprint
        "init_from=DIR" if word.startswith("init_from=") else word for word in listed.differs if word not in chosen
    ]
    return f"lopa-bench {shlex.join([*chosen, *folder, *differs])}"


def _dataset(result: Result, task: Task) -> dict[str, Any]:
    """What was scored, as the hub's index names a data set: by its id there if it is that one's rows, and never for synthetic ones."""
    split = result.reported_split
    if result.data.source in EMBEDDED:
        name = f"{task.title} (embedded, synthetic rows of lopa-bench)"
        return {"dataset_type": f"lopa-bench-mini-{result.task}", "dataset_name": name, "dataset_split": split}
    if task.hub is None or own_files(task, {"source": result.data.source, "files": result.data.files}):
        return {"dataset_type": result.task, "dataset_name": task.title, "dataset_split": split}
    there = getattr(task.hub, split) or split  # GLUE's test rows are its validation split
    return {
        "dataset_type": task.hub.path,
        "dataset_config": task.hub.name,
        "dataset_name": task.title,
        "dataset_split": there,
    }


def _metadata(result: Result, config: Config, task: Task, metric: Metric, written: str, licence: str | None) -> str:
    """The card's YAML, as the hub's index of evaluation results reads it."""
    from huggingface_hub import EvalResult, ModelCardData

    on_hub = (
        not places.is_place(config.model.path) and "/" in config.model.path
    )  # of a folder a published run has the name
    return str(
        ModelCardData(
            base_model=config.model.path if on_hub else None,
            library_name="peft" if "peft" in written else "lopa-bench",
            license=licence,
            tags=["lopa-bench", result.method, result.task],
            model_name=f"{result.task}-{result.method}-{result.model}",
            eval_results=[
                EvalResult(
                    task_type="text-classification" if task.label_words else "text-generation",
                    **_dataset(result, task),
                    metric_type=metric.name,
                    metric_name=metric.axis,
                    metric_value=round(result.score, 4),
                )
            ],
        ).to_yaml()
    )
