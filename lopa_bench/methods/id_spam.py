"""ID-SPAM (Muppidi et al. 2025, arXiv 2506.05629): a prompt written from self-attention over the input's word embeddings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lopa_bench.config.fields import Count, settings
from lopa_bench.methods.per_instance import PromptPerInstance

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.shape import Shape


@settings
class IdSpam(PromptPerInstance):
    """Z = reshape(ReLU(W_up ReLU(W_down A))), A the mean over the T tokens of softmax(E W_Q (E W_K)ᵀ/√D) E W_V.

    E ∈ R^{T×D} is the embedded instance. 3·D² + c·D·(1 + m) parameters, without biases, as the paper's count has none. It does not tell
    c = `bottleneck`; 64 with m = 5 gives the 3,538,944 and 2,064,384 that it prints for RoBERTa. Its prompt may also stand before a later
    layer; here it stands at the input.
    """

    bottleneck: Count

    def parts(self, shape: Shape) -> dict[str, Part]:
        from torch import nn

        outputs = {**dict.fromkeys(("query", "key", "value"), shape.width), "down": self.bottleneck}
        return {
            **{name: nn.Linear(shape.width, size, bias=False) for name, size in outputs.items()},
            "up": nn.Linear(self.bottleneck, self.num_virtual_tokens * shape.width, bias=False),
        }

    def features_of_input(self, parts: Parts, embeds: Tensor, instance: Tensor) -> Tensor:
        """A, [B, D]; padding neither attends nor is attended to."""
        scores = parts.query(embeds) @ parts.key(embeds).mT / math.sqrt(embeds.shape[-1])
        attention = scores.float().masked_fill(~instance.unsqueeze(1), -math.inf).softmax(-1)
        attended: Tensor = attention @ parts.value(embeds).float()
        return (attended * instance.unsqueeze(-1)).sum(1) / instance.sum(1, keepdim=True)

    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor:
        import torch

        written = torch.relu(parts.up(torch.relu(parts.down(features))))
        return written.unflatten(1, (self.num_virtual_tokens, -1))
