"""DePT, decomposed prompt tuning (Shi & Lipani 2024): a shorter soft prompt and a low-rank update of the input's word embeddings."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from lopa_bench.config.fields import Count, NonNegative, Positive, settings
from lopa_bench.methods.prompt_tuning import PromptTuning

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.shape import Shape


@settings
class Dept(PromptTuning):
    """X_e + alpha/√rank · A B, A ∈ R^{max_length×rank} by position, B ∈ R^{rank×D}; B = 0 is the plain soft prompt.

    The method's fixed length is that of A. A row's tokens are counted from its first, whatever is padded, so rows need not be padded to it.
    A generated token gets no update, nor does a completion in training. `update_lr` is the learning rate of A and B (null: the prompt's).
    """

    rank: Count
    alpha: Positive
    max_length: Count
    update_lr: NonNegative | None

    def parts(self, shape: Shape) -> dict[str, Part]:
        import torch
        from torch import nn

        a = nn.init.kaiming_uniform_(torch.empty(self.max_length, self.rank), a=math.sqrt(5))  # the authors' code
        b = torch.zeros(self.rank, shape.width)
        return {**super().parts(shape), "a": nn.Parameter(a), "b": nn.Parameter(b)}

    def embedding_update(self, parts: Parts, embeds: Tensor, positions: Tensor) -> Tensor:
        within = (positions < self.max_length).unsqueeze(-1)
        update = parts.a[positions.clamp(max=self.max_length - 1)] @ parts.b
        return (self.alpha / math.sqrt(self.rank)) * update * within

    def learning_rates(self) -> dict[str, float]:
        return {} if self.update_lr is None else {"a": self.update_lr, "b": self.update_lr}
