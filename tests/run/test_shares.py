"""A step's gradients are the same however its rows are divided among processes: dropout, noise and padding belong to the rows."""

from functools import partial

import pytest
import tiny
import torch

from lopa_bench.config.files import choices
from lopa_bench.host.processes import Processes
from lopa_bench.models.batches import Split
from lopa_bench.run.gradients import backward

METHODS = sorted(
    set(choices("method")) - {"none", "encoder_probe"}
)  # the one trains nothing, the other fits a regression
LENGTHS = (9, 5, 7, 12, 6, 8)


def one_of(count, rank):
    """One of several processes, without the others."""
    process = Processes()
    process.rank, process.count = rank, count
    return process


TWO_BATCHES = ([4, 0, 2], [1, 3, 5])


def gradients(folder, method, processes, batches=TWO_BATCHES):
    """Those of accumulated batches, summed over all processes, and the loss."""
    model = tiny.adapt(folder, method)
    split = Split(tiny.rows(model, LENGTHS), model.backbone.tokenizer.pad_token_id)
    if model.encoder is not None and model.encoder.frozen:
        split.features = model.encoder.features([row.encoder_ids for row in split.rows])
    model.train()
    draws = partial(model.backbone.dropout.drawing, 3, 17)
    scored = sum(len(row.targets) for row in split.rows)
    beside = [*range(len(split.rows))] if model.reads_padding else []
    loss = sum(
        backward(model, split, list(index), beside, scored, draws, one_of(processes, rank)).item()
        for index in batches
        for rank in range(processes)
    )
    return loss, {name: p.grad for name, p in model.trainable().items() if p.grad is not None}


@pytest.mark.parametrize("architecture", ["roberta", pytest.param("gpt2", marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", METHODS)
def test_processes_that_share_the_rows(tiny_models, architecture, method):
    """With dropout of 0.1 in embeddings, attention, feed-forward parts and the method; three processes have a row each."""
    folder = tiny_models(architecture)
    loss, whole = gradients(folder, method, 1)
    for processes in (2, 3, 4):
        shared_loss, shared = gradients(folder, method, processes)
        assert shared_loss == pytest.approx(loss, abs=1e-5)
        assert shared.keys() == whole.keys()
        for name, gradient in shared.items():
            assert torch.allclose(gradient, whole[name], atol=1e-5), name


@pytest.mark.parametrize("architecture", ["roberta", pytest.param("gpt2", marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", METHODS)
def test_accumulated_batches_are_one(tiny_models, architecture, method):
    """A step of batches with rows of other lengths than each other's is that of one batch of all of them."""
    folder = tiny_models(architecture)
    loss, whole = gradients(folder, method, 1, [range(len(LENGTHS))])
    parts_loss, parts = gradients(folder, method, 1)
    assert parts_loss == pytest.approx(loss, abs=1e-5)
    for name, gradient in parts.items():
        assert torch.allclose(gradient, whole[name], atol=1e-5), name
