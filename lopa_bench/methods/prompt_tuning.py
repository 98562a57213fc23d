"""Prompt tuning (Lester et al. 2021): one learnt soft prompt, Z = Z_S, for every instance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import settings
from lopa_bench.errors import UserError
from lopa_bench.methods.task_prompt import TaskPromptMethod

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.methods.parts import Parts


@settings
class PromptTuning(TaskPromptMethod):
    """m · d parameters, drawn from N(0, 1) as in the authors' code."""

    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor:
        return parts.z_s.expand(batch_size, -1, -1)

    def export_peft(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        """A peft prompt-tuning adapter, which stands before the input of a causal LM."""
        from peft import PromptTuningConfig, TaskType

        from lopa_bench.methods.export import save_adapter
        from lopa_bench.methods.soft_prompt import SoftPromptModel

        assert isinstance(model, SoftPromptModel)
        backbone = model.backbone
        if backbone.kind != "causal" or self.position != "prefix":
            raise UserError(
                f"form=peft: peft's prompt tuning stands before a causal LM's input, this one is {backbone.kind} with "
                f"method.position={self.position}; nearest: form=own"
            )
        config_of_peft = PromptTuningConfig(
            task_type=TaskType.CAUSAL_LM,
            inference_mode=True,
            num_virtual_tokens=self.num_virtual_tokens,
            token_dim=backbone.width,
            num_layers=backbone.config.num_hidden_layers,
            num_attention_heads=backbone.config.num_attention_heads,
            num_transformer_submodules=1,
        )
        prompt = model.parts.z_s.detach().contiguous()
        return save_adapter(config_of_peft, {"prompt_embeddings": prompt}, backbone, folder)
