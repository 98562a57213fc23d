"""Bottleneck adapters (Houlsby et al. 2019). The `adapters` library pins transformers 4, hence these few lines of our own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import Count, settings
from lopa_bench.methods.base import Method

if TYPE_CHECKING:
    from lopa_bench.methods.adapted import AdaptedModel
    from lopa_bench.models.backbone import Backbone


@settings
class Adapter(Method):
    """h + W_up gelu(W_down h) after the attention's and the MLP's output projection of every layer, before the residual.

    W_up and its bias start at zero, so the adapted model starts as the backbone.
    """

    bottleneck: Count

    def adapt(self, backbone: Backbone) -> AdaptedModel:
        from lopa_bench.methods.adapter_model import AdapterModel

        return AdapterModel(backbone, self.bottleneck)
