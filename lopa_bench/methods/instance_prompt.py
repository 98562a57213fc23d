"""What every method is whose prompt is written for each instance, by heads over an instance encoder's features. Imports no torch."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from lopa_bench.config.fields import Count, Fraction, Positive, settings
from lopa_bench.methods.base import Pooling
from lopa_bench.methods.per_instance import PromptPerInstance

if TYPE_CHECKING:
    from torch import nn

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.instance_encoder import InstanceEncoder
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.shape import Shape


@settings
class InstancePromptMethod(PromptPerInstance):
    """A soft prompt written for each instance by heads over an instance encoder's features f(x).

    `head_size` H is the heads' hidden width ("encoder": as wide as the encoder). `pooling` says which features: the first token's
    (the paper) or the mean over tokens. With `freeze_encoder=false` the encoder is trained too, as the authors' GLUE code does.
    `init_std` is the standard deviation of the heads' weights at the start: a number (the authors' 0.02), `scaled` to what that number
    means at the paper's widths (`heads.scaled_std`, docs/mini.md), or `xavier` (Glorot's, as the authors' PHM layers).
    With `head_layers=1` a head is a single Linear layer, with `phm_blocks` n its layers are PHM layers of n blocks.
    """

    head_size: Count | Literal["encoder"]
    dropout: Fraction
    pooling: Pooling
    freeze_encoder: bool
    init_std: Positive | Literal["scaled", "xavier"] = 0.02
    head_layers: Annotated[int, Field(ge=1, le=2)] = 2
    phm_blocks: Count | None = None

    @property
    def features_from(self) -> Pooling:
        return self.pooling

    @property
    def trains_encoder(self) -> bool:
        return not self.freeze_encoder

    @abstractmethod
    def head_outputs(self, shape: Shape) -> dict[str, int]:
        """What the heads write: how many numbers each, by the head's name."""

    def objection(self, config: Config, shape: Shape) -> str | None:
        sizes = [size for outputs in self.head_outputs(shape).values() for size in self._head_sizes(shape, outputs)]
        if self.phm_blocks and (wrong := [size for size in sizes if size % self.phm_blocks]):
            return (
                f"method.phm_blocks={self.phm_blocks} does not divide {wrong[0]} "
                f"(the widths of the heads' layers, {', '.join(map(str, dict.fromkeys(sizes)))}, must be multiples)"
            )
        return super().objection(config, shape)

    def unread(self, config: Config) -> Mapping[str, str]:
        if self.head_layers == 2:
            return {}
        return {"method.head_size": "method.head_layers=1 has no hidden layer; nearest: method.head_layers=2"}

    def hidden(self, shape: Shape) -> int:
        """H as a number."""
        return shape.encoder_width if self.head_size == "encoder" else self.head_size

    def _head_sizes(self, shape: Shape, outputs: int) -> list[int]:
        """The widths that a head goes through, E first."""
        return [shape.encoder_width, *([self.hidden(shape)] if self.head_layers == 2 else []), outputs]

    def heads(self, shape: Shape) -> dict[str, nn.Module]:
        """The heads by name, each [B, E] -> [B, its outputs]."""
        from lopa_bench.methods.heads import head

        return {
            name: head(self._head_sizes(shape, outputs), self.dropout, self.init_std, self.phm_blocks)
            for name, outputs in self.head_outputs(shape).items()
        }

    def encoder(self, backbone: Backbone) -> InstanceEncoder:
        from lopa_bench.methods.instance_encoder import InstanceEncoder

        return InstanceEncoder.beside(backbone, self.pooling, self.freeze_encoder)
