"""A soft prompt beside a bottleneck on the input's word embeddings: Input-Tuning (An et al. 2022) and ADePT (Tang et al. 2025)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lopa_bench.config.fields import Count, NonNegative, settings
from lopa_bench.methods.prompt_tuning import PromptTuning

if TYPE_CHECKING:
    from torch import Tensor

    from lopa_bench.methods.parts import Part, Parts
    from lopa_bench.models.shape import Shape


@settings
class InputAdapter(PromptTuning):
    """Each word embedding e of the instance becomes e + W₂ ReLU(W₁ e + b₁) + b₂, W₁ ∈ R^{h×D}, W₂ ∈ R^{D×h}, h = `bottleneck`.

    m·D + 2·D·h + h + D parameters. W₁ is drawn as torch draws it (Kaiming); W₂ and the biases start at 0, where it is prompt tuning. This
    is ADePT as in its authors' code (github HungerPWAY/ADePT, c5e3629). Input-Tuning is an adapter on the input beside a soft prompt; its
    activation, start and width here are ours.

    A generated token is left as it is, as is a completion in training. `update_lr` is the learning rate of W and b (null: the prompt's).
    """

    bottleneck: Count
    update_lr: NonNegative | None

    def parts(self, shape: Shape) -> dict[str, Part]:
        from torch import nn

        down, up = nn.Linear(shape.width, self.bottleneck), nn.Linear(self.bottleneck, shape.width)
        for zero in (down.bias, up.weight, up.bias):
            nn.init.zeros_(zero)
        return {**super().parts(shape), "down": down, "up": up}

    def embedding_update(self, parts: Parts, embeds: Tensor, positions: Tensor) -> Tensor:
        import torch

        update: Tensor = parts.up(torch.relu(parts.down(embeds)))
        return update

    def learning_rates(self) -> dict[str, float]:
        if self.update_lr is None:
            return {}
        return {f"{layer}.{name}": self.update_lr for layer in ("down", "up") for name in ("weight", "bias")}
