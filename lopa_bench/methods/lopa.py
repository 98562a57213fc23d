"""Low-rank prompt adaptation (LOPA), the paper's method, and its variants without the gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from lopa_bench.config.fields import Count, settings
from lopa_bench.methods.base import InstancePromptMethod

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.batches import Batch
    from lopa_bench.models.shape import Shape


@settings
class Lopa(InstancePromptMethod):
    """Z from a task prompt Z_S, [M, D], and an instance prompt Z_I = u(x) v(x)ᵀ of rank R, u ∈ R^{M×R}, v ∈ R^{D×R}.

    `combine`: gate Z_S ∘ sigmoid(Z_I) (the paper's LOPA) · add Z_S + Z_I · concat [Z_S ; Z_I], 2M tokens · max, element-wise.
    With `phm_blocks` n the two heads are made of PHM layers (the future work the paper names).
    """

    rank: Count
    combine: Literal["gate", "add", "concat", "max"]
    phm_blocks: Count | None = None

    @property
    def prompt_length(self) -> int:
        return self.num_virtual_tokens * (2 if self.combine == "concat" else 1)

    def _head_sizes(self, shape: Shape) -> dict[str, tuple[int, int, int]]:
        """(inputs, hidden, outputs) of the heads that write u and v."""
        inputs, hidden = shape.encoder_width, self.hidden(shape)
        return {
            "row": (inputs, hidden, self.num_virtual_tokens * self.rank),
            "column": (inputs, hidden, shape.width * self.rank),
        }

    def objection(self, config: Config, shape: Shape) -> str | None:
        for sizes in self._head_sizes(shape).values():
            if self.phm_blocks and (wrong := [size for size in sizes if size % self.phm_blocks]):
                return (
                    f"method.phm_blocks={self.phm_blocks} does not divide {wrong[0]} "
                    "(encoder width, head_size, m·rank and d·rank must be multiples)"
                )
        return super().objection(config, shape)

    def parts(self, shape: Shape) -> dict[str, Part]:
        from lopa_bench.methods.heads import head, phm_head, soft_prompt

        parts: dict[str, Part] = {"z_s": soft_prompt(self.num_virtual_tokens, shape.width)}
        for name, sizes in self._head_sizes(shape).items():
            parts[name] = (
                phm_head(*sizes, self.dropout, self.phm_blocks) if self.phm_blocks else head(*sizes, self.dropout)
            )
        return parts

    def factors(self, parts: Parts, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """u, [B, M, R], and v, [B, D, R], of the instance prompt Z_I = u vᵀ."""
        return parts.row(features).unflatten(1, (-1, self.rank)), parts.column(features).unflatten(1, (-1, self.rank))

    def keep(self, model: AdaptedModel, batch: Batch, labels: Sequence[str]) -> dict[str, bytes]:
        """``prompts.npz`` with Z_S and the factors of Z_I (`results.prompts` says the layout), where the prompt is gated."""
        from lopa_bench.methods.soft_prompt import SoftPromptModel
        from lopa_bench.results.prompts import NAME, pack_prompts

        if self.combine != "gate":
            return {}
        assert isinstance(model, SoftPromptModel)
        tensors = model.parts.z_s, *self.factors(model.parts, model.features(batch))
        z_s, u, v = (tensor.float().cpu().numpy() for tensor in tensors)
        return {NAME: pack_prompts(z_s, u, v, labels)}

    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor:
        import torch

        u, v = self.factors(parts, features)
        z_s, z_i = parts.z_s, u @ v.mT
        if self.combine == "gate":
            return z_s * torch.sigmoid(z_i)
        if self.combine == "add":
            return z_s + z_i
        if self.combine == "max":
            return torch.maximum(z_s.expand_as(z_i), z_i)
        return torch.cat([z_s.expand_as(z_i), z_i], dim=1)
