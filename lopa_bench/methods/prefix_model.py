"""The only place where a prefix meets attention."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from transformers import DynamicCache

from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.parts import Part, Parts
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch
from lopa_bench.models.own_forward import check_prefix
from lopa_bench.models.shape import Shape


class WritesPrefix(Protocol):
    """What the model below asks of its method, a `lopa_bench.methods.prefix.PrefixMethod`."""

    @property
    def name(self) -> str: ...

    @property
    def prompt_length(self) -> int: ...

    @property
    def prefix_reads(self) -> str: ...

    def parts(self, shape: Shape) -> dict[str, Part]: ...

    def prefix(self, parts: Parts) -> Tensor: ...


class PrefixModel(AdaptedModel):
    """A frozen backbone whose key/value cache is filled with m learnt positions before it reads the input.

    The input's positions go on after the prefix, as in peft, so that a model exported to peft gives equal logits.
    """

    def __init__(self, backbone: Backbone, method: WritesPrefix) -> None:
        check_prefix(backbone, method.name)
        backbone.freeze()
        super().__init__(backbone)
        self.method = method
        self.reads_padding = method.prefix_reads == "shifted" and backbone.kind == "masked"
        self.parts = Parts(method.parts(backbone.shape(encoder_width=0))).to(backbone.device)

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Embedded input, [B, T, D], and the mask over prefix and input, [B, m + T]."""
        embeds, mask = super().inputs(batch)
        return embeds, torch.cat([mask.new_ones(len(mask), self.method.prompt_length), mask], dim=1)

    def past(self, batch: Batch) -> DynamicCache | None:
        if self.method.prompt_length == 0:
            return None
        backbone, m = self.backbone, self.method.prompt_length
        assert backbone.key_shape is not None
        prefix = self.method.prefix(self.parts).to(backbone.dtype)
        # [L, key and value, heads, m, width]
        layers = prefix.view(m, -1, 2, *backbone.key_shape).permute(1, 2, 3, 0, 4)
        return DynamicCache([tuple(layer.unsqueeze(1).expand(2, len(batch.input_ids), -1, -1, -1)) for layer in layers])

    def hidden(self, batch: Batch) -> Tensor:
        """Last hidden states of the input's positions, [B, T, D'].

        A prefix lengthens no sequence, so a masked LM reads token ids here, as in peft and in the authors' code, and counts positions from
        them: its own way of counting goes on after the prefix and, in some families, sets padding apart.
        """
        if self.backbone.kind == "causal":
            return super().hidden(batch)
        _, mask = self.inputs(batch)
        past = self.past(batch)
        cache = {} if past is None else {"past_key_values": past}
        read = batch.read_among(batch.input_ids.shape[1])
        return self.backbone.hidden(None, mask, read, input_ids=batch.input_ids, **cache)

    def columns(self, batch: Batch) -> Tensor:
        if not self.reads_padding:
            return batch.columns
        # The authors' code fails where this leaves the row; here it reads the row's last (padded) position.
        return (batch.columns + self.method.prompt_length).clamp(max=batch.input_ids.shape[1] - 1)
