"""Prompt tuning (Lester et al. 2021): one learnt soft prompt, Z = Z_S, for every instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import settings
from lopa_bench.methods.base import SoftPromptMethod

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.shape import Shape


@settings
class PromptTuning(SoftPromptMethod):
    """m · d parameters, drawn from N(0, 1) as in the authors' code."""

    def parts(self, shape: Shape) -> dict[str, Part]:
        from lopa_bench.methods.heads import soft_prompt

        return {"z_s": soft_prompt(self.num_virtual_tokens, shape.width)}

    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor:
        return parts.z_s.expand(batch_size, -1, -1)
