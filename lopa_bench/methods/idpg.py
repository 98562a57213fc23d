"""Instance-dependent prompt generation (Wu et al. 2022), at the input only and without a classifier head, as in the LOPA paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import settings
from lopa_bench.methods.instance_prompt import InstancePromptMethod

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.shape import Shape


@settings
class Idpg(InstancePromptMethod):
    """Z = reshape(head(f(x))); the last bias is the task's part."""

    def head_outputs(self, shape: Shape) -> dict[str, int]:
        return {"head": self.num_virtual_tokens * shape.width}

    def parts(self, shape: Shape) -> dict[str, Part]:
        return {**self.heads(shape)}

    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor:
        return parts.head(features).unflatten(1, (self.num_virtual_tokens, -1))

    def task_part(self, parts: Parts, mean: Tensor) -> Tensor:
        """The last layer's bias alone."""
        bias: Tensor = parts.head[-1].bias
        return bias.unflatten(0, (self.num_virtual_tokens, -1))
