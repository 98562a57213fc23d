"""Pretrained modules that the jobs of one process share: a sweep reads their weights once."""

from __future__ import annotations

import copy
import gc
from collections.abc import Callable, Hashable
from typing import TypeVar, cast
from weakref import WeakSet

import torch
from torch import nn

from lopa_bench.host.shelf import Shelf

M = TypeVar("M", bound=nn.Module)

MODEL_BYTES = 256 << 20  # a larger model is read again for every job rather than held beside the one that a job changes
MODELS: Shelf[nn.Module] = Shelf(2)
_LARGE: WeakSet[nn.Module] = WeakSet()  # those of earlier jobs that are in memory still


def model(key: Hashable, load: Callable[[], M], *, changed: bool = True) -> M:
    """A model as `load` gives it, from memory if an earlier job had it. Draws no random number either way.

    Args:
        changed: by the job, which then gets a copy of its own.
    """
    kept = cast("M | None", MODELS.find(key))
    if kept is None:
        if _LARGE:  # hooks that know the model they are on keep it until a collection, which Python may put off
            gc.collect()
        with torch.random.fork_rng(devices=[]):
            kept = load()
        if sum(p.nbytes for p in kept.parameters()) > MODEL_BYTES:
            _LARGE.add(kept)
            return kept
        MODELS.put(key, kept)
    return copy.deepcopy(kept) if changed else kept
