"""Low-rank prompt adaptation (LOPA), the paper's method, and its variants without the gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from lopa_bench.config.fields import Count, settings
from lopa_bench.methods.instance_prompt import InstancePromptMethod
from lopa_bench.methods.task_prompt import TaskPromptMethod

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.batches import Batch
    from lopa_bench.models.shape import Shape


@settings
class Lopa(InstancePromptMethod, TaskPromptMethod):
    """Z from a task prompt Z_S, [M, D], and an instance prompt Z_I = u(x) v(x)ᵀ of rank R, u ∈ R^{M×R}, v ∈ R^{D×R}.

    With `rank=full` one head writes Z_I, [M, D], itself, as IDPG's writes Z; u is then the identity and v = Z_Iᵀ.

    `combine`: gate Z_S ∘ sigmoid(Z_I) (the paper's LOPA) · add Z_S + Z_I · concat [Z_S ; Z_I], 2M tokens · max, element-wise.
    PHM heads (`phm_blocks`) are the future work that the paper names.
    """

    rank: Count | Literal["full"]
    combine: Literal["gate", "add", "concat", "max"]

    @property
    def prompt_length(self) -> int:
        return self.num_virtual_tokens * (2 if self.combine == "concat" else 1)

    def head_outputs(self, shape: Shape) -> dict[str, int]:
        if self.rank == "full":
            return {"head": self.num_virtual_tokens * shape.width}
        return {"row": self.num_virtual_tokens * self.rank, "column": shape.width * self.rank}

    def objection(self, config: Config, shape: Shape) -> str | None:
        if self.rank == "full" and self.phm_blocks:
            return (
                f"method.rank=full: with method.phm_blocks={self.phm_blocks} the heads are of less than full rank; "
                "nearest: method=lopa method.rank=full, or method=idpg_phm"
            )
        return super().objection(config, shape)

    def parts(self, shape: Shape) -> dict[str, Part]:
        return {**super().parts(shape), **self.heads(shape)}

    def factors(self, parts: Parts, features: Tensor | None) -> tuple[Tensor, Tensor]:
        """u, [B, M, R], and v, [B, D, R], of the instance prompt Z_I = u vᵀ."""
        import torch

        if self.rank == "full":
            v = parts.head(features).unflatten(1, (self.num_virtual_tokens, -1)).mT
            return torch.eye(self.num_virtual_tokens, dtype=v.dtype, device=v.device).expand(len(v), -1, -1), v
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

    def task_part(self, parts: Parts, mean: Tensor) -> Tensor:
        """Z_S, with the gate at one value for all coordinates: the one nearest to the mean prompt, min ‖mean − g Z_S‖."""
        z_s: Tensor = parts.z_s
        return z_s * ((mean * z_s).sum() / z_s.square().sum()) if self.combine == "gate" else z_s
