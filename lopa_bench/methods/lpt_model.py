"""Late prompt tuning: one prompt between two layers, and the pooling that writes prompts."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from lopa_bench.methods.between_layers import BetweenLayers, WritesBetweenLayers
from lopa_bench.methods.parts import Parts
from lopa_bench.models.batches import Batch


class WritesLatePrompt(WritesBetweenLayers, Protocol):
    """What the model below asks of its method, a `lopa_bench.methods.lpt.Lpt`."""

    def after(self, layers: int) -> int: ...

    def prompt(self, parts: Parts, states: Tensor, instance: Tensor, causal: bool) -> Tensor: ...


class LptModel(BetweenLayers):
    """A frozen backbone with a prompt between two of its layers."""

    method: WritesLatePrompt

    @property
    def points(self) -> tuple[int, ...]:
        after = self.method.after(self.backbone.config.num_hidden_layers)
        return (after,) if after else ()

    def written(self, number: int, states: Tensor, batch: Batch) -> Tensor:
        return self.method.prompt(self.parts, states, self.instance(batch), self.causal)


def pooled(values: Tensor, chosen: Tensor, rows: int, largest: bool) -> Tensor:
    """[B, T, H] -> [B, rows, H]: the N chosen positions, [B, T], pooled as torch's adaptive pooling does.

    Row i takes those from the ⌊iN/rows⌋th up to the ⌈(i+1)N/rows⌉th.
    """
    count, rank = chosen.sum(1)[:, None, None], (chosen.cumsum(1) - 1).unsqueeze(1)
    row = torch.arange(rows, device=values.device)[None, :, None]
    start, stop = row * count // rows, -(-(row + 1) * count // rows)
    taken = (rank >= start) & (rank < stop) & chosen.unsqueeze(1)  # [B, rows, T]
    if largest:
        return values.unsqueeze(1).masked_fill(~taken.unsqueeze(-1), -torch.inf).amax(2)
    weights = taken.to(values.dtype)
    return weights @ values / weights.sum(-1, keepdim=True)
