"""M-IDPG, the published IDPG with prompts at every layer (Wu et al. 2022; github CSerxy/IDPG, mode "layerb")."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lopa_bench.config.fields import settings
from lopa_bench.errors import UserError
from lopa_bench.methods.footprint import Footprint
from lopa_bench.methods.idpg import Idpg

if TYPE_CHECKING:
    from pathlib import Path

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.methods.parts import Part
    from lopa_bench.methods.probe import InstanceProbe
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.shape import Shape


@settings
class IdpgLayers(Idpg):
    """IDPG at the input, and after each layer j = 1 … L−1 the hidden states at the m prompt positions get head(h_j) added.

    One head serves all layers. `reads` says what h_j is: the first token's state after layer j (`previous`) or f(x) (`encoder`). The
    head's last bias is the task's part at the input; with `bias=layer` each later layer has its own, L · m·d in all, with `shared` none.

    The head is LOPA's, with tanh as in IDPG's paper (their released code has gelu) and N(0, `init_std`²).
    """

    bias: Literal["layer", "shared"]
    reads: Literal["previous", "encoder"]

    @property
    def written_by(self) -> frozenset[str]:
        return frozenset({"transformers"})

    def objection(self, config: Config, shape: Shape) -> str | None:
        if self.reads == "previous" and shape.kind == "causal":
            return (
                "method.reads=previous: the first token of a causal LM has seen no other; nearest: method.reads=encoder"
            )
        if self.reads == "previous" and shape.encoder_width != shape.width:
            return (
                f"method.reads=previous: one head reads the backbone's states, of width {shape.width}, and the encoder's features, "
                f"of width {shape.encoder_width}; nearest: method.reads=encoder"
            )
        if config.train.compile:
            return f"train.compile=true: method={self.name} reaches between the layers that would be fused; nearest: train.compile=false"
        return super().objection(config, shape)

    def probe(self, model: AdaptedModel) -> InstanceProbe | None:
        """A layer's prompt is written from the instance's own states, which cannot be exchanged between instances."""
        return None

    def parts(self, shape: Shape) -> dict[str, Part]:
        import torch
        from torch import nn

        parts = super().parts(shape)
        if self.bias == "layer":
            parts["bias"] = nn.Parameter(torch.zeros(shape.layers - 1, self.num_virtual_tokens * shape.width))
        return parts

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.idpg_layers_model import IdpgLayersModel

        backbone.freeze()
        return IdpgLayersModel(backbone, self, self.encoder(backbone))

    def footprint(self, backbone: Backbone, encoder_width: int) -> Footprint:
        """All of it is the server's, which runs the head before its first layer and after each but the last."""
        return Footprint(server=self.parameters(backbone, encoder_width), tokens=self.prompt_length)

    def server_flops(self, shape: Shape, tokens: int) -> int:
        import torch

        from lopa_bench.methods.counts import flops, on_meta

        parts, read = on_meta(self.parts, shape), torch.empty(1, shape.encoder_width, device="meta")
        return shape.layers * flops(lambda: self.prompt(parts, read, 1))

    def prompt_writer(self, shape: Shape) -> None:
        return None

    def export(self, model: AdaptedModel, config: Config, folder: Path) -> str:
        raise UserError(f"method={self.name}: works inside the server's layers, so there is no client to export")
