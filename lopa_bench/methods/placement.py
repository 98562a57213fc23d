"""Where a soft prompt stands in the input: index arithmetic for the model and the client alike.

A row's padding stays outside, on the side where it was: position biases and attention windows, which count places, see none inside.
"""

from __future__ import annotations

import torch
from torch import Tensor


def places(mask: Tensor, tokens: int, position: str) -> Tensor:
    """Where the joined input has its virtual tokens, then the input's own positions, [B, M + T].

    Args:
        mask: [B, T], the input's, of rows padded on either side. tokens: M.
        position: prefix: before each row's first token · after_first: behind it · suffix: behind its last.
    """
    own = torch.arange(mask.shape[1], device=mask.device)
    first = mask.argmax(1, keepdim=True)
    before = {"prefix": first, "after_first": first + 1, "suffix": first + mask.sum(1, keepdim=True)}
    virtual = before[position] + torch.arange(tokens, device=mask.device)
    return torch.cat([virtual, own + tokens * (own >= before[position])], dim=1)


def join(prompt: Tensor, embeds: Tensor, mask: Tensor, position: str) -> tuple[Tensor, Tensor]:
    """The prompt, [B, M, D], put into the embedded input, [B, T, D] with mask [B, T]: both over M + T positions."""
    joined = torch.cat([prompt, embeds], dim=1)
    attended = torch.cat([mask.new_ones(prompt.shape[:2]), mask], dim=1)
    where = places(mask, prompt.shape[1], position)
    across = where.unsqueeze(-1).expand_as(joined)
    return torch.zeros_like(joined).scatter(1, across, joined), torch.zeros_like(attended).scatter(1, where, attended)
