"""What bounds a contestant: the FLOPs that it computes, and the rate of matrix products of its shapes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_flop_count

from lopa_bench.models.backbone import Backbone

MATRIX = 2048  # rows and columns of the large product that rates are compared with
SECONDS = 0.2  # of products, for a rate


def counted_flops(work: Callable[[], object]) -> float:
    """FLOPs of the matrix products that `work` computes, forward and backward, padding included; as PyTorch counts them."""
    attention = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu.default

    def formula(query: Any, key: Any, value: Any, *_: Any, **__: Any) -> int:
        return int(sdpa_flop_count(query, key, value))

    with FlopCounterMode(display=False, custom_mapping={attention: formula}) as counter:
        work()
    return float(counter.get_total_flops())


def product_rate(
    device: torch.device, dtype: torch.dtype, rows: int = MATRIX, inner: int = MATRIX, columns: int = MATRIX
) -> float:
    """FLOP/s of products of a `rows` × `inner` with an `inner` × `columns` matrix."""
    left = torch.randn(rows, inner, device=device, dtype=dtype)
    right = torch.randn(inner, columns, device=device, dtype=dtype)
    left @ right
    synchronize()
    started, products = time.perf_counter(), 0
    while (seconds := time.perf_counter() - started) < SECONDS:
        left @ right
        products += 1
        synchronize()
    return products * 2 * rows * inner * columns / seconds


def rate_in_precision_of(backbone: Backbone) -> float:
    """FLOP/s of a large matrix product in the precision that `backbone` computes in, where it does."""
    return product_rate(backbone.device, backbone.dtype)


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()
