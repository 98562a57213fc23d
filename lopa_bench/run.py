"""One run: a pure function of its config."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import save

from lopa_bench import results
from lopa_bench.atomic import write_bytes
from lopa_bench.backbone import Backbone
from lopa_bench.checkpoint import Checkpoints
from lopa_bench.config import Config
from lopa_bench.data import encode
from lopa_bench.machine import PeakMemory, default_device, seed_everything
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.monitor import Monitor
from lopa_bench.predict import predict
from lopa_bench.preflight import preflight
from lopa_bench.records import load_records
from lopa_bench.results import RunDirectory
from lopa_bench.train import Progress, train
from lopa_bench.types import Example


@dataclass(frozen=True)
class Outcome:
    """What `run` gives back: the content of result.json, where it lies, and whether it was there before."""

    result: dict[str, Any]
    directory: RunDirectory
    found: bool


def run(config: Config) -> Outcome:
    """Train and evaluate as `config` says, or return the finished result of the same run.

    Raises:
        UserError: settings that cannot work together, before weights are loaded.
        TrainingDiverged: a loss that is not finite.
    """
    started = time.perf_counter()
    preflight(config)
    records = load_records(config.task, config.data, config.offline)
    if config.selection == "holdout":
        records = records.with_holdout()
    directory = RunDirectory.of(config, records)
    if not config.force and (result := directory.result()):
        return Outcome(result, directory, found=True)
    directory.create()
    directory.remove_result()
    monitor = Monitor(f"{config.task.name}/{config.method.name}", config.tracker)
    monitor.tracker.start(str(directory.path), config.resolved)

    with PeakMemory() as memory, monitor:
        device = default_device()
        seed_everything(config.seed)
        monitor.stage(f"loading {config.model.name}")
        backbone = Backbone.load(config.model, config.precision, device, config.offline)
        model = config.method.adapt(backbone)

        examples = {"train": config.task.examples(records.train), "test": config.task.examples(records.test)}
        if config.selection == "holdout":
            examples["validation"] = config.task.examples(records.validation or [])
        monitor.stage("reading " + ", ".join(f"{len(rows)} {name}" for name, rows in examples.items()) + " rows")
        splits = {name: encode(model, config, rows) for name, rows in examples.items()}

        def evaluate(split: str) -> tuple[dict[str, float], list[list[str]]]:
            predictions = predict(model, splits[split], config)
            return config.task.score(examples[split], predictions), predictions

        selection_split = {"holdout": "validation", "paper": "test", "last": None}[config.selection]
        checkpoints = Checkpoints(directory.path)
        progress = train(
            model,
            splits["train"],
            config.train,
            config.seed,
            (lambda: evaluate(selection_split)[0]) if selection_split else None,
            config.task.metric,
            checkpoints,
            monitor,
        )
        monitor.stage("evaluating")
        metrics, predictions = evaluate("test")

    per_split = {"test": metrics}
    if selection_split == "validation" and progress.best_scores:
        per_split["validation"] = progress.best_scores
    result = {
        **_identity(config, directory, records, examples),
        "metrics": metrics,
        "baseline": {"majority": config.task.baseline(examples["train"], examples["test"])},
        "metrics_per_split": per_split,
        "selected_epoch": progress.best_epoch,
        "parameters": parameter_counts(model, progress),
        "gradient_norm": progress.gradient_norm,
        "steps": progress.step,
        "seconds": {"train": round(progress.seconds, 3), "total": round(time.perf_counter() - started, 3)},
        "examples_per_second": round(progress.examples / progress.seconds, 2) if progress.seconds else None,
        "peak_memory_mib": memory.mib,
        "device": torch.cuda.get_device_name() if device.type == "cuda" else device.type,
        "threads": torch.get_num_threads(),
        "versions": results.versions(),
        "git": results.git_state(),
    }
    write_bytes(
        directory.path / "trained.safetensors", save({k: p.detach().contiguous() for k, p in model.trainable().items()})
    )
    directory.write(result, config.resolved, progress.history, _prediction_rows(config, examples["test"], predictions))
    checkpoints.remove()
    config.tracker.finish(metrics)
    return Outcome(result, directory, found=False)


def _identity(
    config: Config, directory: RunDirectory, records: Any, examples: dict[str, list[Example]]
) -> dict[str, Any]:
    """What the run was: names, choices, and fingerprints of what it read."""
    return {
        "schema": results.SCHEMA,
        "digest": directory.digest,
        "scale": config.scale,
        "task": config.task.name,
        "family": config.task.family,
        "model": config.model.name,
        "method": config.method.name,
        "seed": config.seed,
        "recipe": config.recipe,
        "selection": config.selection,
        "reported_split": "test",
        "metric": config.task.metric,
        "config": results.determining(config, records),
        "data": {
            "source": config.data.source,
            "limit": config.data.limit,
            "files": records.files,
            "rows": {name: len(rows) for name, rows in examples.items()},
            "fingerprints": records.fingerprints(),
        },
    }


def parameter_counts(model: AdaptedModel, progress: Progress) -> dict[str, int]:
    """`paper`: trainable parameters without an instance encoder's, as the paper counts; `trained`: those that truly got a gradient."""
    encoder = {id(p) for p in model.encoder.parameters()} if model.encoder is not None else set()
    return {
        "paper": sum(p.numel() for p in model.trainable().values() if id(p) not in encoder),
        "trained": progress.trained_parameters,
        "total": model.backbone.model.num_parameters(),
    }


def _prediction_rows(config: Config, examples: list[Example], predictions: list[list[str]]) -> list[dict[str, Any]]:
    rows = []
    for index, (example, texts) in enumerate(zip(examples, predictions, strict=True)):
        row = {"index": index, "prediction": texts[0] if len(texts) == 1 else texts, "target": example.target}
        correct = config.task.correct(example, texts)
        rows.append(row if correct is None else {**row, "correct": correct})
    return rows
