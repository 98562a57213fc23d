"""Late prompt tuning, LPT (Liu et al. 2022, arXiv 2210.11292): a prompt for the layers above layer ℓ, written from its states."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lopa_bench.config.fields import Count, Fraction, Size, settings
from lopa_bench.methods.base import Method
from lopa_bench.methods.footprint import Footprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.shape import Shape


@settings
class Lpt(Method):
    """[P ; H_ℓ] goes into layer ℓ + 1, H_ℓ ∈ R^{B×T×D} the output of layer ℓ for the input alone, and flows on from there.

    `layer` ℓ is counted from 1; null is half of the layers, as in the authors' scripts; with 0 and no generator it is prompt tuning. P is

    - generator=none: m · D parameters, the same for every instance;
    - naive: reshape(W₂ ReLU(W₁ h + b₁) + b₂), h the state of a masked LM's first token or of a causal LM's last input token;
    - pool_max, pool_mean: W₂ ReLU(pool(H_ℓ W₁ + b₁)) + b₂, the instance's tokens pooled into m rows as torch's adaptive pooling does.

    The hidden width of W is `bottleneck`; dropout is on the generator's output (authors' code).
    """

    num_virtual_tokens: Count
    layer: Size | None
    generator: Literal["none", "naive", "pool_max", "pool_mean"]
    bottleneck: Count
    dropout: Fraction

    @property
    def prompt_length(self) -> int:
        return self.num_virtual_tokens

    def after(self, layers: int) -> int:
        """ℓ in a model of so many layers."""
        return layers // 2 if self.layer is None else self.layer

    def objection(self, config: Config, shape: Shape) -> str | None:
        if shape.layers and self.after(shape.layers) >= shape.layers:
            return (
                f"method.layer={self.layer}: the model has {shape.layers} layers, so none would see the prompt; "
                f"nearest: method.layer={shape.layers - 1}"
            )
        if config.train.compile:
            return f"train.compile=true: method={self.name} reaches between the layers that would be fused; nearest: train.compile=false"
        return None

    def unread(self, config: Config) -> Mapping[str, str]:
        told = "method.generator=none has no network; leave it away"
        return dict.fromkeys(("method.bottleneck", "method.dropout"), told) if self.generator == "none" else {}

    def parts(self, shape: Shape) -> dict[str, Part]:
        """The trainable parameters and modules, by name."""
        from torch import nn

        from lopa_bench.methods.heads import soft_prompt

        if self.generator == "none":
            return {"p": soft_prompt(self.num_virtual_tokens, shape.width)}
        outputs = shape.width * (self.num_virtual_tokens if self.generator == "naive" else 1)
        down, up = nn.Linear(shape.width, self.bottleneck), nn.Linear(self.bottleneck, outputs)
        return {"down": down, "up": up, "dropout": nn.Dropout(self.dropout)}

    def prompt(self, parts: Parts, states: Tensor, instance: Tensor, causal: bool) -> Tensor:
        """P, [B, M, D], from H_ℓ, [B, T, D], and which of its tokens are the instance's, [B, T]."""
        import torch

        from lopa_bench.methods.lpt_model import pooled

        if self.generator == "none":
            return parts.p.expand(len(states), -1, -1)
        if self.generator == "naive":
            places = torch.arange(states.shape[1], device=states.device) * instance
            place = places.argmax(1) if causal else instance.long().argmax(1)
            read = states[torch.arange(len(states), device=states.device), place]
            written = parts.up(torch.relu(parts.down(read))).unflatten(1, (self.num_virtual_tokens, -1))
        else:
            rows = pooled(parts.down(states), instance, self.num_virtual_tokens, self.generator == "pool_max")
            written = parts.up(torch.relu(rows))
        return parts.dropout(written)

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.lpt_model import LptModel

        return LptModel(backbone, self)

    def added(self, backbone: Backbone, encoder_width: int) -> dict[str, nn.Parameter]:
        from lopa_bench.methods.counts import on_meta

        return dict(on_meta(self.parts, backbone.shape(encoder_width)).named_parameters())

    def footprint(self, backbone: Backbone, encoder_width: int) -> Footprint:
        """The server keeps the generator and runs it once an instance; its upper layers read m more tokens."""
        return Footprint(server=self.parameters(backbone, encoder_width), tokens=self.prompt_length)

    def frozen_layers(self, layers: int) -> int:
        """The states up to layer ℓ are the bare backbone's."""
        return self.after(layers)

    def server_flops(self, shape: Shape, tokens: int) -> int:
        import torch

        from lopa_bench.methods.counts import flops, on_meta

        parts, states = on_meta(self.parts, shape), torch.empty(1, tokens, shape.width, device="meta")
        instance = torch.ones(1, tokens, dtype=torch.bool, device="meta")
        return flops(lambda: self.prompt(parts, states, instance, shape.kind == "causal"))
