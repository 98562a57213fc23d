"""What the jobs of one process share: a sweep reads its data, tokenises them, computes features and loads weights once."""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Generic, TypeVar

from lopa_bench.tasks.rows import Records

if TYPE_CHECKING:
    from torch import nn

    from lopa_bench.models.batches import Split

T = TypeVar("T")

MODEL_BYTES = 2 << 30  # a larger model is read again for every job rather than held twice


class Shelf(Generic[T]):
    """The most recently used values, at most `size` of them."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: OrderedDict[Hashable, T] = OrderedDict()

    def find(self, key: Hashable) -> T | None:
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def put(self, key: Hashable, value: T) -> None:
        self._values[key] = value
        while len(self._values) > self.size:
            self._values.popitem(last=False)

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The value of `key`, made if it is not there. Users leave it as it is."""
        value = self.find(key)
        if value is None:
            value = make()
            self.put(key, value)
        return value

    def clear(self) -> None:
        self._values.clear()


records: Shelf[Records] = Shelf(2)
splits: Shelf[Split] = Shelf(6)  # train, validation and test of two tasks
models: Shelf[nn.Module] = Shelf(2)


def model(key: Hashable, load: Callable[[], nn.Module]) -> nn.Module:
    """A model as `load` gives it, from memory if an earlier job had it. Draws no random number either way."""
    import torch

    kept = models.find(key)
    if kept is None:
        with torch.random.fork_rng(devices=[]):
            kept = load()
        if sum(p.nbytes for p in kept.parameters()) > MODEL_BYTES:
            return kept
        models.put(key, kept)
    return copy.deepcopy(kept)
