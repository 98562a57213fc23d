"""LoRA (Hu et al. 2022) on the attention's query, key and value, from peft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.errors import UserError
from lopa_bench.methods.base import Method
from lopa_bench.settings import Count, Fraction, Positive, settings

if TYPE_CHECKING:
    from torch import nn

    from lopa_bench.backbone import Backbone
    from lopa_bench.methods.adapted import AdaptedModel

# The names of query, key and value in the architectures of the paper; a fused projection carries all three.
TARGET_NAMES = (
    {"query", "key", "value"},  # BERT, RoBERTa
    {"q_proj", "k_proj", "v_proj"},  # Llama, Phi
    {"qkv_proj"},  # Phi-3, CodeGen
    {"c_attn"},  # GPT-2
)


@settings
class Lora(Method):
    """W + (alpha / rank) · B A with A, B of rank `rank`; B starts at zero, so the adapted model starts as the backbone."""

    rank: Count
    alpha: Positive
    dropout: Fraction

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from peft import LoraConfig, inject_adapter_in_model

        from lopa_bench.methods.adapted import AdaptedModel

        backbone.freeze()
        targets = backbone.settings.lora_targets or default_targets(backbone.model)
        config = LoraConfig(r=self.rank, lora_alpha=self.alpha, lora_dropout=self.dropout, target_modules=targets)
        try:
            inject_adapter_in_model(config, backbone.model)
        except ValueError as error:
            raise UserError(f"model.lora_targets={targets}: the model has no such layers") from error
        for parameter in backbone.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        return AdaptedModel(backbone)


def default_targets(model: nn.Module) -> list[str]:
    """The first set of query, key and value names that `model` has."""
    present = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    for names in TARGET_NAMES:
        if names <= present:
            return sorted(names)
    raise UserError(
        "model.lora_targets is needed: the names of the attention's query, key and value layers in this architecture"
    )
