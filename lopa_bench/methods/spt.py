"""Selective prompt tuning, SPT (Zhu and Tan, EMNLP 2023, arXiv 2310.20127), as described: its authors have published no code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from lopa_bench.config.fields import Count, Fraction, Size, settings
from lopa_bench.methods.base import Method
from lopa_bench.methods.footprint import Footprint

if TYPE_CHECKING:
    from torch import Tensor, nn

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.methods.parts import Part
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.shape import Shape


@settings
class Spt(Method):
    """A prompt generator above every layer behind a learnt gate; those with the widest gates are kept and trained again.

    Above layer ℓ = 0 … L − 1 (0: the embeddings) the prompt becomes (1 − τ a) · P + τ a · G(H), P what comes out of layer ℓ at its
    positions (0 where no prompt is yet), a = sigmoid(α) with α = 0 at the start, and G LPT's generator W₂ ReLU(W₁ pool(H) + b₁) + b₂ that
    pools the means of the instance's tokens, H the output of layer ℓ, with Linear or PHM layers (`phm_blocks`).

    For `search` epochs half of the training rows teach the generators and the other half the gates (first-order bi-level optimisation),
    whose gradient is not scaled by τ a. Then the `select` generators with the largest a (null: a sixth of the layers) start again where
    they started, at a = 1, and learn from all rows for `train.epochs`.

    The gates, their bi-level search and that the chosen layers count are in the paper's abstract. The rest is not: docs/review.md says so.
    """

    num_virtual_tokens: Count
    select: Count | None
    search: Size
    tau: Annotated[float, Field(gt=0, le=1)]
    bottleneck: Count
    phm_blocks: Count | None
    dropout: Fraction

    @property
    def prompt_length(self) -> int:
        return self.num_virtual_tokens

    @property
    def search_epochs(self) -> int:
        return self.search

    def kept(self, layers: int) -> int:
        """How many generators a model of so many layers keeps."""
        return max(1, layers // 6) if self.select is None else self.select

    def objection(self, config: Config, shape: Shape) -> str | None:
        if shape.layers and self.kept(shape.layers) > shape.layers:
            return f"method.select={self.select}: the model has {shape.layers} layers; nearest: method.select={shape.layers}"
        widths = (shape.width, self.bottleneck)
        if self.phm_blocks and (wrong := [width for width in widths if width % self.phm_blocks]):
            return (
                f"method.phm_blocks={self.phm_blocks} does not divide {wrong[0]} (the model's width and method.bottleneck, "
                f"{widths[0]} and {widths[1]}, must be multiples)"
            )
        if not (config.train.epochs and self.search):
            return (
                f"train.epochs={config.train.epochs} with method.search={self.search}: both the search and the training after it take "
                "epochs; nearest: train.epochs=1 method.search=1"
            )
        if config.init_from:
            return (
                f"init_from={config.init_from}: method={self.name} searches layers of its own; nearest: init_from=null"
            )
        if config.train.compile:
            return f"train.compile=true: method={self.name} reaches between the layers that would be fused; nearest: train.compile=false"
        return None

    def generator(self, shape: Shape) -> nn.Sequential:
        """G behind the pooling, [N, D] -> [N, D]."""
        from torch import nn

        from lopa_bench.methods.heads import PHMLinear

        sizes = ((shape.width, self.bottleneck), (self.bottleneck, shape.width))
        down, up = (PHMLinear(*size, self.phm_blocks) if self.phm_blocks else nn.Linear(*size) for size in sizes)
        return nn.Sequential(down, nn.ReLU(), up, nn.Dropout(self.dropout))

    def parts(self, shape: Shape) -> dict[str, Part]:
        """The trainable parameters and modules of the search, by name."""
        import torch
        from torch import nn

        generators = {str(layer): self.generator(shape) for layer in range(shape.layers)}
        return {"alpha": nn.Parameter(torch.zeros(shape.layers)), "generators": nn.ModuleDict(generators)}

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.spt_model import SptModel

        return SptModel(backbone, self)

    def added(self, backbone: Backbone, encoder_width: int) -> dict[str, nn.Parameter]:
        """Of the generators that are kept; which they are is not known before the search."""
        from lopa_bench.methods.counts import on_meta

        kept = range(self.kept(backbone.config.num_hidden_layers))
        parts = on_meta(lambda shape: {str(i): self.generator(shape) for i in kept}, backbone.shape(encoder_width))
        return dict(parts.named_parameters())

    def footprint(self, backbone: Backbone, encoder_width: int) -> Footprint:
        """The server keeps the chosen generators and runs each once an instance."""
        return Footprint(server=self.parameters(backbone, encoder_width), tokens=self.prompt_length)

    def server_flops(self, shape: Shape, tokens: int) -> int:
        import torch

        from lopa_bench.methods.counts import flops, on_meta
        from lopa_bench.methods.spt_model import generated

        states = torch.empty(1, tokens, shape.width, device="meta")
        instance = torch.ones(1, tokens, dtype=torch.bool, device="meta")
        generator = on_meta(lambda shape: {"own": self.generator(shape)}, shape).own
        return self.kept(shape.layers) * flops(lambda: generated(generator, self.pooled(states, instance)))

    def pooled(self, states: Tensor, instance: Tensor) -> Tensor:
        """The instance's states, [B, T, D], in m rows, [B, M, D]. The mean of W₁ h is W₁ of the mean, and that is less to multiply."""
        from lopa_bench.methods.lpt_model import pooled

        return pooled(states, instance, self.num_virtual_tokens, largest=False)
