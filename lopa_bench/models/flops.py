"""Multiplications and additions of a transformer, from its shapes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

EMBEDDING = re.compile("embed|wte|wpe")  # looked up, not multiplied


def forward_flops(body: nn.Module, config: Any, tokens: int, positions: int, causal: bool) -> int:
    """Multiplications and additions of a transformer body that reads `tokens` tokens, the last of them attending to `positions`.

    Two a weight of every matrix and token, and four a layer, width, query and key for attention (scores and their weighted values).
    """
    matrices = (p for name, p in body.named_parameters() if p.dim() == 2 and not EMBEDDING.search(name))
    weights = sum(p.numel() for p in matrices)
    attended = tokens * positions - (tokens * (tokens - 1) // 2 if causal else 0)
    return int(2 * weights * tokens + 4 * config.num_hidden_layers * config.hidden_size * attended)
