"""Does the instance matter? The reported rows answered again, by prompts that are not their own. Nothing is trained anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from lopa_bench.config.schema import Config
from lopa_bench.methods.probe import InstanceProbe
from lopa_bench.metrics.metric import Line
from lopa_bench.models.batches import Split
from lopa_bench.results.record import Instance
from lopa_bench.run.evaluate import Evaluation, Tested
from lopa_bench.run.predict import predict
from lopa_bench.run.shard import gathered


def with_exchange(evaluation: Evaluation, tested: Tested) -> Tested:
    """`tested` with what the method's prompts owe to the instance, and in each line what another row's prompt answered.

    The prompts of an epoch's parameters are a function of the features, so features change hands in a cycle through all rows, drawn from
    the seed: no row keeps its own. A method whose prompts do not depend on the instance, or a metric that is not made of rows, leaves
    `tested` as it is.
    """
    config, probe = evaluation.config, evaluation.config.method.probe(evaluation.model)
    rows, metric = rows_asked(config, len(evaluation.splits["test"])), config.task.metrics[config.task.metric]
    if probe is None or rows < 2 or metric.per_row is None:
        return tested
    split = evaluation.splits["test"].part(range(rows))
    with gathered(evaluation.model):
        features, mean, variance = observe(probe, split, config.train.eval_batch_size)

    def lines(asked: Split) -> list[Line]:
        predictions = predict(evaluation.model, asked, config, evaluation.together).texts
        return evaluation.together.first(lambda: config.task.lines(evaluation.examples["test"][:rows], predictions))

    exchanged = lines(split.with_features(features[exchange(rows, config.seed)]))
    of_prompt = {}
    for name, prompt in (("mean", mean), ("off", probe.without_instance(mean))):
        with probe.given(prompt):
            of_prompt[name] = metric.of(lines(split))
    own = metric.of(tested.lines[:rows])
    instance = Instance(rows=rows, own=own, exchanged=metric.of(exchanged), variance=variance, **of_prompt)
    return replace(tested, lines=side_by_side(tested.lines, exchanged), instance=instance)


def rows_asked(config: Config, rows: int) -> int:
    """How many of the reported rows are answered again: writing takes long, so of a task that is written no more than select an epoch."""
    wanted = config.instance_rows
    if wanted is None and config.generation:
        wanted = config.generation.select_rows
    return rows if wanted is None else min(rows, wanted)


def exchange(rows: int, seed: int) -> Tensor:
    """[rows] whose features each row gets: the next one's on a cycle through all rows, so never its own."""
    cycle = torch.randperm(rows, generator=torch.Generator().manual_seed(seed))
    given = torch.empty_like(cycle)
    given[cycle] = cycle.roll(-1)
    return given


@torch.no_grad()
def observe(probe: InstanceProbe, split: Split, batch_size: int) -> tuple[Tensor, Tensor, float]:
    """The features of every row, [N, E], the mean of their prompts, [M, D], and the share of the prompts' variance between instances.

    The share is the mean over coordinates of the variance over instances, divided by the variance of all N·M·D values of Z.
    """
    probe.model.eval()
    features: list[Tensor] = [torch.empty(0)] * len(split)
    total = squares = torch.zeros(())
    for batch in split.by_length(batch_size):
        with probe.model.backbone.autocast():
            read = probe.features(batch.to(probe.model.backbone.device)).float()
            prompts = probe.prompts(read).cpu().double()
        total, squares = total + prompts.sum(0), squares + prompts.square().sum(0)
        for row, feature in zip(batch.index.tolist(), read.cpu(), strict=True):
            features[row] = feature
    mean = total / len(split)
    within = (squares / len(split) - mean.square()).clamp(min=0).mean()
    whole = squares.mean() / len(split) - mean.mean().square()
    return (
        torch.stack(features),
        mean.float().to(probe.model.backbone.device),
        float(within / whole) if whole > 0 else 0.0,
    )


def side_by_side(lines: Sequence[Line], exchanged: Sequence[Line]) -> list[Line]:
    """Lines of predictions.jsonl whose ``exchanged`` holds what differs where another row's prompt answered."""
    both = [
        {**line, "exchanged": {key: value for key, value in other.items() if value != line[key]}}
        for line, other in zip(lines, exchanged, strict=False)
    ]
    return [*both, *lines[len(both) :]]
