"""Makes a run: loads, trains, evaluates, writes."""

from __future__ import annotations

import torch
from safetensors.torch import save

from lopa_bench.config.absolute import absolute_values
from lopa_bench.config.schema import Config
from lopa_bench.host.device import PeakMemory, seed_everything
from lopa_bench.host.heap import give_freed_memory_back
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.backbone import Backbone
from lopa_bench.results.directory import TRAINED, RunDirectory
from lopa_bench.results.record import Result, Scoring, Seconds
from lopa_bench.run.alone import check_alone
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.evaluate import Evaluation
from lopa_bench.run.exchange import with_exchange
from lopa_bench.run.inputs import encoded, examples_of, unknown_words
from lopa_bench.run.model import adapt
from lopa_bench.run.monitor import Monitor
from lopa_bench.run.result import result_of
from lopa_bench.run.shard import whole
from lopa_bench.run.speed import memory_advice, speed_up
from lopa_bench.run.train import train
from lopa_bench.run.trained import start_from
from lopa_bench.run.written import kept
from lopa_bench.tasks.rows import Records


def execute(config: Config, records: Records, directory: RunDirectory, together: Processes) -> Result:
    """Do the run in its directory, into which no other process writes; the result as it was written.

    Raises:
        RunFailed: out of memory, with what to lower.
    """
    with memory_advice(config):
        return _do(config, records, directory, together)


def _do(config: Config, records: Records, directory: RunDirectory, together: Processes) -> Result:
    checkpoints = Checkpoints(directory.path, config.checkpoint_every)
    scoring = config.task.scoring()  # a task that cannot be scored here says so before anything is loaded
    with PeakMemory() as memory, Monitor(config, directory, together.main) as monitor:
        monitor.stage(f"loading {config.model.name}")
        model = adapted(config, together)
        examples = examples_of(config, records, model.backbone.kind)
        monitor.stage("reading " + ", ".join(f"{len(rows):,} {name}" for name, rows in examples.items()) + " rows")
        remarks = config.task.remarks(examples["train"] if config.method.trains != "nothing" else [], examples["test"])
        with monitor.counting("features of the instances"):
            splits = {
                name: encoded(model, config, directory.determining, name, some) for name, some in examples.items()
            }
        remarks += unknown_words(model, splits["test"])
        for remark in remarks:
            monitor.stage(remark)
        check_alone(model, splits["train"], config)
        evaluation = Evaluation(model, config, examples, splits, together)
        select, metric = evaluation.selecting(), config.task.metrics[config.task.metric]
        give_freed_memory_back()  # weights as they were read: blocks of sizes that no step needs
        progress = train(
            *(model, splits["train"], config.train, config.seed, select, metric, checkpoints, monitor, together),
            keep_end=config.generation is not None,
        )
        monitor.stage("evaluating")
        check_alone(model, splits["train"], config)
        give_freed_memory_back()  # a step's, which evaluating does not fill either
        with monitor.counting("evaluating"), kept(model, config, checkpoints, together) as texts:
            tested = evaluation.test(texts)
        with monitor.counting("evaluating with other prompts"):
            tested = with_exchange(evaluation, tested)
        monitor.done(tested.metrics)

    seconds = Seconds(train=round(progress.seconds, 3), total=round(checkpoints.run_seconds, 3))
    result = result_of(
        *(config, records, directory, model, evaluation, progress, tested, together),
        remarks=remarks,
        scoring=Scoring(**scoring),
        seconds=seconds,
        peak_memory_mib=memory.mib,
    )
    trained = whole(model.trainable(), together)
    files = {TRAINED: save({name: p.detach().contiguous() for name, p in trained.items()})}
    files |= evaluation.kept()
    told = absolute_values(config.resolved)
    written = together.first(lambda: directory.write(result, told, progress.history, tested.lines, files))
    together.first(checkpoints.remove)
    return written


def adapted(config: Config, together: Processes) -> AdaptedModel:
    """The backbone with the method's parameters, as they are before the first step."""
    device = torch.device("cpu") if config.train.shard else together.device  # which need not hold all of it
    backbone = Backbone.load(config.model, config.precision, device, config.offline, computing=together.device)
    seed_everything(config.seed)
    model = adapt(config, backbone)
    if config.init_from:
        start_from(model, config.init_from)
    speed_up(model, config.train, together)
    return model
