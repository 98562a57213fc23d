"""LoRA (Hu et al. 2022) on the attention's query, key and value, from peft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import Count, Fraction, Positive, settings
from lopa_bench.errors import UserError
from lopa_bench.methods.base import Method

if TYPE_CHECKING:
    from pathlib import Path

    from peft import LoraConfig
    from torch import nn

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.backbone import Backbone

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

    @property
    def written_by(self) -> frozenset[str]:
        return frozenset({"transformers", "vllm"})

    @property
    def adapter_rank(self) -> int:
        return self.rank

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from peft import inject_adapter_in_model

        from lopa_bench.methods.adapted import AdaptedModel

        backbone.freeze()
        config = self._peft_config(backbone)
        try:
            inject_adapter_in_model(config, backbone.model)
        except ValueError as error:
            raise UserError(f"model.lora_targets={config.target_modules}: the model has no such layers") from error
        for parameter in backbone.model.parameters():
            if parameter.requires_grad:
                parameter.data = parameter.data.float()
        return AdaptedModel(backbone)

    def _peft_config(self, backbone: Backbone) -> LoraConfig:
        from peft import LoraConfig

        targets = backbone.settings.lora_targets or default_targets(backbone.model)
        return LoraConfig(
            r=self.rank,
            lora_alpha=self.alpha,  # type: ignore[arg-type]  # peft divides it by the rank
            lora_dropout=self.dropout,
            target_modules=targets,
            fan_in_fan_out=backbone.config.model_type == "gpt2",  # its projections are stored transposed
            base_model_name_or_path=backbone.files.source,
        )

    def export(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        from lopa_bench.methods.export import save_adapter

        peft_config = self._peft_config(model.backbone)
        peft_config.inference_mode = True
        # backbone.model.X.lora_A.default.weight -> base_model.model.X.lora_A.weight, as peft writes it
        names = {n: "base_model" + n.removeprefix("backbone").replace(".default.", ".") for n in model.trainable()}
        weights = {names[n]: p.detach().contiguous() for n, p in model.trainable().items()}
        return save_adapter(peft_config, weights, folder)


def default_targets(model: nn.Module) -> list[str]:
    """The first set of query, key and value names that `model` has."""
    present = {name.rsplit(".", 1)[-1] for name, _ in model.named_modules()}
    for names in TARGET_NAMES:
        if names <= present:
            return sorted(names)
    raise UserError(
        "model.lora_targets is needed: the names of the attention's query, key and value layers in this architecture"
    )
