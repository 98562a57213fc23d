"""What shows whether the instance matters to a trained model: its features, its prompts, and a prompt given in their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from torch import Tensor

from lopa_bench.methods.parts import Parts
from lopa_bench.methods.soft_prompt import SoftPromptModel
from lopa_bench.models.batches import Batch


@dataclass(frozen=True)
class InstanceProbe:
    """Asks a model for its prompts.

    Attributes:
        task_part: the method's parts and the mean of Z over instances, [M, D] -> Z with the instance part off, [M', D].
    """

    model: SoftPromptModel
    task_part: Callable[[Parts, Tensor], Tensor]

    def features(self, batch: Batch) -> Tensor:
        """f(x), [B, E]. A batch that holds others has its prompts written from those."""
        features = self.model.features(batch)
        assert features is not None
        return features

    def prompts(self, features: Tensor) -> Tensor:
        """Z, [B, M, D], from features f(x), [B, E]."""
        return self.model.method.prompt(self.model.parts, features, len(features))

    def without_instance(self, mean: Tensor) -> Tensor:
        """Z with the instance part off, [M', D], where the mean of Z over instances is `mean`, [M, D]."""
        return self.task_part(self.model.parts, mean).detach()

    @contextmanager
    def given(self, prompt: Tensor) -> Iterator[None]:
        """The model with `prompt`, [M', D], for every instance."""
        self.model.fixed = prompt
        try:
            yield
        finally:
            self.model.fixed = None
