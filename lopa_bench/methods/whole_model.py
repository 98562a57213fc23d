"""The two ends of the scale: every parameter of the backbone, or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import settings
from lopa_bench.methods.base import Method, Trains

if TYPE_CHECKING:
    from pathlib import Path

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.backbone import Backbone


@settings
class Untouched(Method):
    """The pretrained model as it is: what the template alone gets out of it."""

    @property
    def trains(self) -> Trains:
        return "nothing"

    @property
    def written_by(self) -> frozenset[str]:
        return frozenset({"transformers", "vllm"})

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.adapted import AdaptedModel

        backbone.freeze()
        return AdaptedModel(backbone)


@settings
class FullFineTuning(Method):
    """All parameters are trained, in fp32 (bf16 runs keep fp32 weights and compute in bf16)."""

    @property
    def trains(self) -> Trains:
        return "backbone"

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.adapted import AdaptedModel

        backbone.model.requires_grad_(True)
        return AdaptedModel(backbone)

    def export(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        from transformers import GenerationConfig

        from lopa_bench.models.decoding import ends_of

        tokenizer = model.backbone.tokenizer
        model.backbone.model.generation_config = GenerationConfig(
            **ends_of(tokenizer)
        )  # else `generate` would write on behind the end
        model.backbone.model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return (
            f"a Hugging Face model folder: transformers.{type(model.backbone.model).__name__}.from_pretrained(folder)"
        )
