"""The gradients of one optimiser step, over all its batches and processes."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.batches import Split
from lopa_bench.run.shard import full, is_shard

Index = list[int]  # row numbers
Draws = Callable[[Tensor], AbstractContextManager[None]]


def backward(
    model: AdaptedModel, split: Split, index: Index, beside: Index, scored: int, draws: Draws, together: Processes
) -> Tensor:
    """Accumulate gradients of the cross-entropy at the positions of rows `index`, summed, over the step's `scored`; that loss, detached.

    So one step is the same however its rows are divided into accumulated batches, and those among processes, each of which takes its
    share of the rows.

    Args:
        beside: rows that it is as long as if they were among them.
        draws: given row numbers, the block in which these rows' random numbers are drawn.
    """
    share = together.share(index)
    weight = sum(len(split.rows[i].targets) for i in share) / scored
    share = share or index[:1]  # with no row of its own a process still takes part in the sum, at weight 0
    # As long as the whole batch, since a prompt may stand behind the padding, and where it stands it draws.
    batch = split.batch(share, beside=(*index, *beside)).to(model.backbone.device)
    with draws(batch.index):
        loss = model.loss(batch) * weight
        loss.backward()
    return loss.detach()


def sum_gradients(parameters: list[nn.Parameter], together: Processes) -> None:
    """Sum gradients over all processes, in one collective. The backward pass has summed those of shards."""
    gradients = [p.grad for p in parameters if p.grad is not None and not is_shard(p)]
    if together.count > 1 and gradients:
        flat = together.sum(torch.cat([gradient.flatten() for gradient in gradients]))
        for gradient, total in zip(gradients, flat.split([g.numel() for g in gradients]), strict=True):
            gradient.copy_(total.view_as(gradient))


def clip_gradients(parameters: list[nn.Parameter], clip: float | None) -> Tensor:
    """Scale gradients down to the norm `clip`; the norm before that."""
    norm = full(get_total_norm([p.grad for p in parameters if p.grad is not None]))
    clip_grads_with_norm_(parameters, clip if clip is not None else math.inf, norm)
    return norm
