"""Multiplications and additions of a transformer, from its shapes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def forward_flops(body: nn.Module, config: Any, tokens: int, positions: int, causal: bool) -> int:
    """Multiplications and additions of a transformer body that reads `tokens` tokens, the last of them attending to `positions`.

    Two a weight of every matrix and token, and four a layer, width, query and key for attention (scores and their weighted values).
    """
    from torch.nn import Embedding

    looked_up = {id(module.weight) for module in body.modules() if isinstance(module, Embedding)}
    layers = config.num_hidden_layers
    # ALBERT's layers share their weights: each group of them is passed several times.
    passes = layers // getattr(config, "num_hidden_groups", layers)
    weights = sum(
        p.numel() * (passes if "layer_groups" in name else 1)
        for name, p in body.named_parameters()
        if p.dim() == 2 and id(p) not in looked_up
    )
    attended = tokens * positions - (tokens * (tokens - 1) // 2 if causal else 0)
    heads = config.num_attention_heads
    width = heads * (getattr(config, "head_dim", None) or config.hidden_size // heads)
    return int(2 * weights * tokens + 4 * layers * width * attended)
