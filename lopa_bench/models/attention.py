"""Attention without dropout on a CPU: which of PyTorch's kernels a training step takes (docs/speed.md, "Where the time goes")."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

FEW_POSITIONS = 192  # aten/src/ATen/native/cpu/FlashAttentionKernel.cpp


def slow_backward(query: Tensor, key: Tensor, value: Tensor) -> bool:
    """Whether gradients of these, [..., positions, width], would go back through PyTorch's CPU kernel for bf16, where fp32's is faster.

    Below `FEW_POSITIONS` it takes 32 queries at a time, and each of its many small products costs as much to begin as to compute.
    """
    inputs = query, key, value
    if query.device.type != "cpu" or max(query.shape[-2], key.shape[-2]) >= FEW_POSITIONS:
        return False
    if not torch.is_grad_enabled() or not any(each.requires_grad for each in inputs):
        return False
    dtypes = {each.dtype for each in inputs}
    if torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu") == torch.bfloat16 and dtypes <= {torch.bfloat16, torch.float32}
    return dtypes == {torch.bfloat16}


def fp32_attention(query: Tensor, key: Tensor, value: Tensor, attn_mask: Tensor | None, **kwargs: Any) -> Tensor:
    """scaled_dot_product_attention of bf16 inputs in fp32: query [..., T, D], key [..., S, D], value [..., S, E] -> [..., T, E] in bf16."""
    mask = attn_mask.float() if attn_mask is not None and attn_mask.is_floating_point() else attn_mask
    with torch.autocast("cpu", enabled=False):
        exact = F.scaled_dot_product_attention(query.float(), key.float(), value.float(), mask, **kwargs)
    return exact.to(torch.bfloat16)
