"""The result of a run, from what it was given and what came of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import torch

from lopa_bench.config.places import name_of
from lopa_bench.config.schema import Config
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.results.directory import RunDirectory
from lopa_bench.results.provenance import git_state, versions
from lopa_bench.results.record import Baseline, Data, Git, GradientNorm, Parameters, Result
from lopa_bench.run.evaluate import Evaluation, Tested
from lopa_bench.run.progress import Progress
from lopa_bench.tasks.rows import Records


def result_of(
    config: Config,
    records: Records,
    directory: RunDirectory,
    model: AdaptedModel,
    evaluation: Evaluation,
    progress: Progress,
    tested: Tested,
    together: Processes,
    **measured: Any,
) -> Result:
    """The result of a run; `measured` is what was measured around it."""
    examples = evaluation.examples
    per_split = {"test": tested.metrics}
    if evaluation.selection_split == "validation" and progress.best_scores:
        per_split["validation"] = progress.best_scores
    return Result(
        digest=directory.digest,
        scale=config.scale,
        task=config.task.name,
        family=config.task.family,
        model=config.model.name,
        encoder=name_of("encoder", config.model.encoder) if config.method.reads_instance else None,
        method=config.method.name,
        seed=config.seed,
        recipe=config.recipe,
        selection=config.selection,
        reported_split="test",
        metric=config.task.metric,
        config=dict(directory.determining),
        data=data_of(config, records, evaluation),
        metrics=tested.metrics,
        metrics_per_split=per_split,
        baseline=Baseline(majority=config.task.baseline(examples["train"], examples["test"])),
        parameters=parameter_counts(model, progress),
        gradient_norm=GradientNorm(**progress.gradient_norm),
        unended=tested.unended,
        instance=tested.instance,
        search=progress.search,
        selected_epoch=progress.best_epoch,
        steps=progress.step,
        examples_per_second=round(progress.examples / progress.seconds, 2) if progress.seconds else None,
        device=torch.cuda.get_device_name() if together.device.type == "cuda" else together.device.type,
        computed_in="bf16" if model.backbone.dtype == torch.bfloat16 else "fp32",
        processes=together.count,
        threads=torch.get_num_threads(),
        finished=datetime.now(UTC).isoformat(timespec="seconds"),
        versions=versions(),
        git=Git(**git_state()),
        **measured,
    )


def data_of(config: Config, records: Records, evaluation: Evaluation) -> Data:
    """What was read, and how much of it."""
    return Data(
        source=config.data.source,
        limit=config.data.limit,
        train_limit=config.data.train_limit,
        files=records.files,
        rows={name: len(rows) for name, rows in evaluation.examples.items()},
        left_out=records.left_out,
        truncated={name: split.cut for name, split in evaluation.splits.items()},
        fingerprints=records.fingerprints,
    )


def parameter_counts(model: AdaptedModel, progress: Progress) -> Parameters:
    """The counts of the trained model."""
    return Parameters(
        paper=sum(p.numel() for p in model.added().values()),
        trained=progress.trained_parameters,
        total=model.backbone.model.num_parameters(),
        readout=0 if model.classifier is None else sum(p.numel() for p in model.classifier.parameters()),
    )
