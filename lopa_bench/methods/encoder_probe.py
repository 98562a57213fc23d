"""What the instance encoder's features tell by themselves: a logistic regression on them, without a pass through the backbone.

A probe as in Alain and Bengio (2017): what an instance prompt adds to a frozen encoder is what its score is above this one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import settings
from lopa_bench.methods.base import Method, Pooling
from lopa_bench.methods.footprint import Footprint

if TYPE_CHECKING:
    from torch import nn

    from lopa_bench.config.schema import Config
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.backbone import Backbone
    from lopa_bench.models.shape import Shape


@settings
class EncoderProbe(Method):
    """softmax(W f(x) + b) over the task's label `words`: E · C + C parameters, set by the minimum of a convex loss and not by steps."""

    pooling: Pooling
    words: list[str]

    @property
    def features_from(self) -> Pooling:
        return self.pooling

    @property
    def written_by(self) -> frozenset[str]:
        return frozenset()

    def objection(self, config: Config, shape: Shape) -> str | None:
        answers = list(config.task.label_words.values())
        if not answers:
            return (
                f"method={self.name} classifies, and task={config.task.name} has no label words; nearest: method=none"
            )
        if sorted(self.words) != sorted(answers):
            return (
                f"method.words={self.words}: the words are those that answer task={config.task.name}, {answers}; "
                f"leave it away, or give {config.task.words_key}.LABEL=WORD"
            )
        if config.train.epochs:
            return f"train.epochs={config.train.epochs}: method={self.name} is solved at once, not by steps; nearest: train.epochs=0"
        if config.init_from:
            return f"init_from={config.init_from}: method={self.name} is solved from the features alone; leave it away"
        return super().objection(config, shape)

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.encoder_probe_model import EncoderProbeModel
        from lopa_bench.methods.instance_encoder import InstanceEncoder

        backbone.freeze()
        return EncoderProbeModel(backbone, InstanceEncoder.beside(backbone, self.pooling, frozen=True), self.words)

    def added(self, backbone: Backbone, encoder_width: int) -> dict[str, nn.Parameter]:
        from torch import nn

        return dict(nn.Linear(encoder_width, len(self.words), device="meta").named_parameters())

    def footprint(self, backbone: Backbone, encoder_width: int) -> Footprint:
        """All of it is the client's, and the server is not asked."""
        return Footprint(client=self.parameters(backbone, encoder_width))

    def client_flops(self, shape: Shape, tokens: int) -> int:
        return 2 * shape.encoder_width * len(self.words)
