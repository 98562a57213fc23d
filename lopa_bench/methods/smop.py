"""SMoP, sparse mixture of prompts (Choi et al. 2023): a router gives each instance one of several short prompts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import Count, settings
from lopa_bench.methods.per_instance import PromptPerInstance

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.shape import Shape


@settings
class Smop(PromptPerInstance):
    """Z = p_i Z_i with the largest p of softmax(W ē), ē ∈ R^D the mean of the instance's word embeddings, W ∈ R^{k×D}, k = `prompts`.

    k·m·D + k·D parameters: the Z_i ∈ R^{m×D} drawn from N(0, 1), W orthogonal. In training each logit is multiplied by 1 + N(0, 1), the
    noise without a gradient (github jyjohnchoi/SMoP, 34da5e2).
    """

    prompts: Count

    def parts(self, shape: Shape) -> dict[str, Part]:
        from torch import nn

        from lopa_bench.methods.heads import soft_prompt

        z = soft_prompt(self.prompts * self.num_virtual_tokens, shape.width)
        router = nn.Linear(shape.width, self.prompts, bias=False)
        nn.init.orthogonal_(router.weight)
        return {"z": nn.Parameter(z.detach().unflatten(0, (self.prompts, -1))), "router": router}

    def features_of_input(self, parts: Parts, embeds: Tensor, instance: Tensor) -> Tensor:
        """ē, [B, D]."""
        return (embeds * instance.unsqueeze(-1)).sum(1) / instance.sum(1, keepdim=True)

    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor:
        import torch

        logits = parts.router(features).float()
        if parts.training:
            logits = logits + torch.randn_like(logits) * logits.detach()
        probability, chosen = logits.softmax(-1).max(-1)
        return probability[:, None, None] * parts.z[chosen]
