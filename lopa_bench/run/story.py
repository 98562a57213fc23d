"""One run: a pure function of its config."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import Any

import torch
from safetensors.torch import save

from lopa_bench.config.schema import Config
from lopa_bench.host.device import PeakMemory, memory_advice, seed_everything
from lopa_bench.host.processes import Processes, processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models import hub
from lopa_bench.models.backbone import Backbone
from lopa_bench.results.directory import SCHEMA, RunDirectory, git_state, versions
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.inputs import encoded, read_records
from lopa_bench.run.keep_prompts import kept_prompts
from lopa_bench.run.monitor import Monitor
from lopa_bench.run.predict import predict
from lopa_bench.run.preflight import preflight
from lopa_bench.run.shard import gathered, whole
from lopa_bench.run.train import Progress, train
from lopa_bench.tasks.base import Correct
from lopa_bench.tasks.example import Example
from lopa_bench.tasks.rows import Records


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
        Busy: another process does this run at the moment.
        TrainingDiverged: a loss that is not finite.
        RunFailed: out of memory, or a file that cannot be written.
        Interrupted: Ctrl-C or SIGTERM; the same run goes on from its last checkpoint.
    """
    preflight(config)
    together = processes()
    if together.first(lambda: hub.complete(config)):
        preflight(config)  # now that there is something to look at
    records = read_records(config)
    directory = RunDirectory.of(config, records)
    found = None if config.force else together.first(directory.result)
    with contextlib.ExitStack() as stack:
        if not found:
            together.first(lambda: stack.enter_context(directory.claim()) and None)
            # Another process may have finished it since.
            found = None if config.force else together.first(directory.result)
        if found:
            return Outcome(found, directory, found=True)
        stack.enter_context(memory_advice(config.train))
        return Outcome(do(config, records, directory, together), directory, found=False)


def do(config: Config, records: Records, directory: RunDirectory, together: Processes) -> dict[str, Any]:
    """The run itself, in a directory that no other process writes into; what is in its result.json."""
    started = time.perf_counter()
    scoring = config.task.scoring()
    with PeakMemory() as memory, Monitor(config, directory, together.main) as monitor:
        monitor.stage(f"loading {config.model.name}")
        backbone = Backbone.load(config.model, config.precision, together.device, config.offline)
        seed_everything(config.seed)
        model = config.method.adapt(backbone)
        model.speed_up(config.train)
        if together.rank:  # every process drops other units, from equal parameters
            seed_everything(config.seed + together.rank)

        task = config.task
        examples = {"train": task.examples(records.train), "test": task.evaluation_examples(records.test)}
        if config.selection == "holdout":
            examples["validation"] = task.evaluation_examples(records.validation or [])[: select_rows(config)]
        monitor.stage("reading " + ", ".join(f"{len(rows)} {name}" for name, rows in examples.items()) + " rows")
        splits = {name: encoded(model, config, directory.determining, name, rows) for name, rows in examples.items()}

        def predictions_on(split: str) -> list[list[str]]:
            part = together.share(range(len(splits[split])))
            with gathered(model):
                return together.merge(predict(model, splits[split].part(part), config))

        def select(split: str) -> dict[str, float]:
            predictions = predictions_on(split)
            return together.first(lambda: task.selection_score(examples[split], predictions))

        selection_split = {"holdout": "validation", "paper": "test", "last": None}[config.selection]
        checkpoints = Checkpoints(directory.path, config.checkpoint_every)
        progress = train(
            model,
            splits["train"],
            config.train,
            config.seed,
            (lambda: select(selection_split)) if selection_split else None,
            task.metric,
            checkpoints,
            monitor,
        )
        monitor.stage("evaluating")
        predictions = predictions_on("test")
        metrics, correct = together.first(lambda: task.assess(examples["test"], predictions))
        monitor.done(metrics)

    per_split = {"test": metrics}
    if selection_split == "validation" and progress.best_scores:
        per_split["validation"] = progress.best_scores
    result = {
        **_identity(config, directory, records, examples),
        "metrics": metrics,
        "scoring": scoring,
        "baseline": {"majority": task.baseline(examples["train"], examples["test"])},
        "metrics_per_split": per_split,
        "selected_epoch": progress.best_epoch,
        "parameters": parameter_counts(model, progress),
        "gradient_norm": progress.gradient_norm,
        "steps": progress.step,
        "seconds": {"train": round(progress.seconds, 3), "total": round(time.perf_counter() - started, 3)},
        "examples_per_second": round(progress.examples / progress.seconds, 2) if progress.seconds else None,
        "peak_memory_mib": memory.mib,
        "device": torch.cuda.get_device_name() if together.device.type == "cuda" else together.device.type,
        "processes": together.count,
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "git": git_state(),
    }
    files = {
        "trained.safetensors": save({name: p.detach().contiguous() for name, p in whole(model.trainable()).items()})
    }
    if task.label_words:
        files |= kept_prompts(model, splits["test"], [example.target for example in examples["test"]])
    rows = _prediction_rows(examples["test"], predictions, correct)
    together.first(lambda: directory.write(result, config.resolved, progress.history, rows, files))
    together.first(checkpoints.remove)
    return result


def select_rows(config: Config) -> int | None:
    """How many rows of a validation split epochs are selected on; None takes all."""
    return config.generation.select_rows if config.generation else None


def _identity(
    config: Config, directory: RunDirectory, records: Any, examples: dict[str, list[Example]]
) -> dict[str, Any]:
    """What the run was: names, choices, and fingerprints of what it read."""
    return {
        "schema": SCHEMA,
        "digest": directory.digest,
        "scale": config.scale,
        "task": config.task.name,
        "family": config.task.family,
        "model": config.model.name,
        "encoder": config.model.encoder if config.method.reads_instance else None,
        "method": config.method.name,
        "seed": config.seed,
        "recipe": config.recipe,
        "selection": config.selection,
        "reported_split": "test",
        "metric": config.task.metric,
        "config": directory.determining,
        "data": {
            "source": config.data.source,
            "limit": config.data.limit,
            "train_limit": config.data.train_limit,
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


def _prediction_rows(examples: list[Example], predictions: list[list[str]], correct: Correct) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for index, (example, texts) in enumerate(zip(examples, predictions, strict=True)):
        rows.append({"index": index, "prediction": texts[0] if len(texts) == 1 else texts, "target": example.target})
        if references := example.record.get("references"):  # of generated text; BLEU is resampled from them
            rows[-1]["references"] = references
    for row, right in zip(rows, correct or (), strict=False):
        row["correct"] = right
    return rows
