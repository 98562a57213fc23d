"""Dropout whose numbers belong to a row: a function of the run's seed, the step, the row's number in its split and the place alone.

So a step is the same however its rows are divided into accumulated batches and among processes, and however far they are padded. PyTorch
draws those of a batch from one stream, where a row's depend on all that come before it. Here a number is computed from what it is for, as
counter-based generators do (Salmon et al. 2011, https://doi.org/10.1145/2063384.2063405): h(row) · h(place) mod 2³², h(row) odd. Places
are hashed once for all rows of a batch, so a number costs one multiplication, a fraction of a draw. The numbers of a row are as
independent as h is good, those of two rows pairwise, as of any multiplicative hash; nothing has a state that a checkpoint would keep.
"""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from lopa_bench.models.attention import fp32_attention, slow_backward

LOWEST = -(2**31)  # of a 32-bit integer, in which all arithmetic here wraps around
# xxHash's odd numbers, as signed ones: a coordinate is multiplied by that of its dimension, the last dimension first.
STRIDES = (0x9E3779B1 - 2**32, 0x85EBCA77 - 2**32, 0xC2B2AE3D - 2**32, 0x27D4EB2F, 0x165667B1)


class RowDropout(TorchFunctionMode):
    """In the block of a training step, the functions of `REPLACED` draw by rows, whoever calls them: a method, peft, the model's own code.

    A tensor whose first dimension is the batch's has the numbers of its rows, any other the same in every process.

    Attributes:
        places: ([N] row in the batch, [N] column), for a tensor of N single positions in place of [B, T, …]; None: all of them.
    """

    def __init__(self) -> None:
        super().__init__()
        self.places: tuple[Tensor, Tensor] | None = None
        self._rows: Tensor | None = None  # [B], odd
        self._step = torch.zeros((), dtype=torch.int32)
        self._drawn = 0  # times in this pass

    @contextlib.contextmanager
    def drawing(self, seed: int, step: int, rows: Tensor) -> Iterator[None]:
        """The block of one pass, forward and back, of these rows, [B] numbers in their split."""
        number = random.Random(f"{seed} {step}").getrandbits(32) + LOWEST
        self._step = torch.full((), number, dtype=torch.int32, device=rows.device)
        self._rows = mixed(mixed(rows.int()) + self._step) | 1
        self._drawn, self.places = 0, None
        try:
            with self:
                yield
        finally:
            self._rows = None

    def again(self) -> AbstractContextManager[None]:
        """A context in which what begins now is computed (again), with the numbers that are drawn from here on; then all is as before."""
        return nullcontext() if self._rows is None else self._from(self._drawn, self.places)

    @contextlib.contextmanager
    def _from(self, drawn: int, places: tuple[Tensor, Tensor] | None) -> Iterator[None]:
        before = self._drawn, self.places
        self._drawn, self.places = drawn, places
        try:
            with self:  # the backward pass of a GPU is another thread's, which is not in the block
                yield
        finally:
            self._drawn, self.places = before

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        replaced = REPLACED.get(function)
        if replaced is None:
            return function(*args, **(kwargs or {}))
        return replaced(self, *args, **(kwargs or {}))

    def dropout(self, input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or not 0 < p < 1:
            return F.dropout(input, p, training, inplace)
        kept = self._uniform(input.shape) >= round(p * 2**32) + LOWEST
        return input * kept.to(input.dtype).mul_(1 / (1 - p))

    def attention(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attn_mask: Tensor | None = None,
        dropout_p: float = 0.0,
        is_causal: bool = False,
        scale: float | None = None,
        enable_gqa: bool = False,
    ) -> Tensor:
        """As PyTorch documents scaled_dot_product_attention; its kernels take no numbers from outside, so those with dropout are left."""
        if not dropout_p:
            kernel = fp32_attention if slow_backward(query, key, value) else F.scaled_dot_product_attention
            return kernel(
                query, key, value, attn_mask=attn_mask, is_causal=is_causal, scale=scale, enable_gqa=enable_gqa
            )
        if enable_gqa:
            key, value = (each.repeat_interleave(query.shape[-3] // each.shape[-3], -3) for each in (key, value))
        if is_causal:
            attn_mask = torch.ones(query.shape[-2], key.shape[-2], dtype=torch.bool, device=query.device).tril()
        scores = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
        lowest = torch.finfo(
            scores.dtype
        ).min  # finite: a position that attends to none, which nothing reads, has no NaN
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, lowest)
        elif attn_mask is not None:
            scores = scores + attn_mask.clamp(min=lowest)
        return self.dropout(scores.softmax(-1).to(value.dtype), dropout_p) @ value

    def normal(self, input: Tensor, *, dtype: torch.dtype | None = None, **kwargs: Any) -> Tensor:
        """N(0, 1) in the shape of `input`, as of randn_like."""
        uniform = (self._uniform(input.shape).double() + 0.5) / 2**32 + 0.5
        return torch.special.ndtri(uniform).to(dtype or input.dtype)

    def _uniform(self, shape: Sequence[int]) -> Tensor:
        """Whole numbers of 32 bits in this shape, each as likely as any other."""
        assert self._rows is not None
        rows, columns, own = self._rows, None, shape[1:]
        if self.places is not None:
            rows, columns = self._rows[self.places[0]], self.places[1]
            own = shape[2:] if tuple(shape[:2]) == (1, len(rows)) else own
        elif shape[0] != len(rows):
            rows, own = rows.new_ones(1), shape
        place = torch.zeros((), dtype=torch.int32, device=rows.device)
        for stride, size in zip(STRIDES, reversed(own), strict=False):
            place = (
                torch.arange(size, dtype=torch.int32, device=rows.device).mul_(stride).view(-1, *[1] * place.dim())
                + place
            )
        if columns is not None:
            place = (columns.int() * STRIDES[len(own)]).view(-1, *[1] * len(own)) + place
        self._drawn += 1
        hashed = mixed(mixed(place) + self._step + self._drawn)
        return (hashed * rows.view(-1, *[1] * len(own))).view(shape)


REPLACED: dict[Any, Callable[..., Tensor]] = {
    F.dropout: RowDropout.dropout,
    F.scaled_dot_product_attention: RowDropout.attention,
    torch.randn_like: RowDropout.normal,
}


def mixed(number: Tensor) -> Tensor:
    """A bijection of 32-bit integers that leaves no pattern (lowbias32, github skeeto/hash-prospector)."""
    number = (number ^ (number >> 16 & 0xFFFF)) * 0x7FEB352D
    number = (number ^ (number >> 15 & 0x1FFFF)) * (0x846CA68B - 2**32)
    return number ^ (number >> 16 & 0xFFFF)
