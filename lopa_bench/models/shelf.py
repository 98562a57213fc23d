"""Pretrained modules that the jobs of one process share: a sweep reads their weights once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable
from typing import TypeVar, cast

import torch
from torch import nn

from lopa_bench.host.shelf import Shelf

M = TypeVar("M", bound=nn.Module)

MODEL_BYTES = 256 << 20  # a larger model is read again for every job rather than held beside the one that a job changes
MODELS: Shelf[nn.Module] = Shelf(2)


def model(key: Hashable, load: Callable[[], M], *, changed: bool = True) -> M:
    """A model as `load` gives it, from memory if an earlier job had it. Draws no random number either way.

    Args:
        changed: by the job, which then gets a copy of its own.
    """
    kept = cast("M | None", MODELS.find(key))
    if kept is None:
        with torch.random.fork_rng(devices=[]):
            kept = load()
        if sum(p.nbytes for p in kept.parameters()) > MODEL_BYTES:
            return kept
        MODELS.put(key, kept)
    return copy.deepcopy(kept) if changed else kept
