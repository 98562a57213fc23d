"""Instance-dependent prompt generation (Wu et al. 2022), at the input only and without a classifier head, as in the LOPA paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import Count, settings
from lopa_bench.methods.base import InstancePromptMethod

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.shape import Shape


@settings
class Idpg(InstancePromptMethod):
    """Z = reshape(head(f(x))); the last bias is the task's part. With `phm_blocks` n both layers are PHM layers of n blocks."""

    phm_blocks: Count | None = None

    def objection(self, config: Config, shape: Shape) -> str | None:
        n = self.phm_blocks
        outputs = self.num_virtual_tokens * shape.width
        if n and (wrong := [size for size in (shape.encoder_width, self.hidden(shape), outputs) if size % n]):
            return (
                f"method.phm_blocks={n} does not divide {wrong[0]} (encoder width, head_size and m·d must be multiples)"
            )
        return super().objection(config, shape)

    def parts(self, shape: Shape) -> dict[str, Part]:
        from lopa_bench.methods.heads import head, phm_head

        sizes = (shape.encoder_width, self.hidden(shape), self.num_virtual_tokens * shape.width, self.dropout)
        return {"head": phm_head(*sizes, self.phm_blocks) if self.phm_blocks else head(*sizes)}

    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor:
        return parts.head(features).unflatten(1, (self.num_virtual_tokens, -1))
