"""Where adapters meet the backbone: forward hooks on the projections that end a sublayer."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from lopa_bench.errors import UserError
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.backbone import Backbone

# The last projection of attention and of the MLP in the architectures of the paper, as ends of module names.
SUBLAYER_ENDS = (
    (".attention.output.dense", ".output.dense"),  # BERT, RoBERTa
    (".self_attn.o_proj", ".mlp.down_proj"),  # Llama, Phi-3
    (".self_attn.dense", ".mlp.fc2"),  # Phi
    (".attn.c_proj", ".mlp.c_proj"),  # GPT-2
    (".attn.out_proj", ".mlp.fc_out"),  # CodeGen
)


class Bottleneck(nn.Module):
    """h -> h + W_up gelu(W_down h), [..., D] -> [..., D]."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, hidden: Tensor) -> Tensor:
        return hidden + self.up(nn.functional.gelu(self.down(hidden)))


class AdapterModel(AdaptedModel):
    """A frozen backbone with a `Bottleneck` behind each sublayer."""

    def __init__(self, backbone: Backbone, bottleneck: int) -> None:
        backbone.freeze()
        super().__init__(backbone)
        ends = sublayer_ends(backbone)
        width = backbone.config.hidden_size
        self.adapters = nn.ModuleList(Bottleneck(width, bottleneck) for _ in ends).to(backbone.device)
        for module, adapter in zip(ends, self.adapters, strict=True):
            module.register_forward_hook(_through(adapter))


def _through(adapter: nn.Module) -> Any:
    return lambda module, arguments, output: adapter(output)


def sublayer_ends(backbone: Backbone) -> list[nn.Module]:
    """The output projections of all layers' attentions and MLPs, in the model's order."""
    for ends in SUBLAYER_ENDS:
        found = [module for name, module in backbone.body.named_modules() if name.endswith(ends)]
        if len(found) == 2 * backbone.config.num_hidden_layers:
            return found
    raise UserError(
        f"method=adapter: the ends of attention and MLP in {type(backbone.model).__name__} are not known; nearest: method=lora"
    )
