"""What stands in a model for a body whose states are computed already, so that the model's own forward reads them out."""

from __future__ import annotations

import inspect
from typing import Any

from torch import Tensor, nn


class Given(tuple[Tensor]):
    """A body's output that holds last hidden states and nothing else."""

    @property
    def last_hidden_state(self) -> Tensor:
        return self[0]

    def __getattr__(self, name: str) -> None:
        """None, for whatever else a model passes on from its body: caches, attentions, router logits."""
        if name.startswith("__"):
            raise AttributeError(name)


class Computed(nn.Module):
    """Stands in a model for its `body` that has computed `hidden`, [1, N, D'], already."""

    def __init__(self, body: nn.Module, hidden: Tensor) -> None:
        super().__init__()
        self._body, self._hidden = (body,), hidden  # in a tuple: not a submodule

    def forward(self, *args: Any, **kwargs: Any) -> Given:
        return Given((self._hidden,))

    def __getattr__(self, name: str) -> Any:
        """The body's; a part of it that reads input embeddings has computed the same (OPT calls its body's decoder)."""
        (body,) = self.__dict__["_body"]
        found = getattr(body, name)
        reads = isinstance(found, nn.Module) and "inputs_embeds" in inspect.signature(found.forward).parameters
        return self if reads else found
