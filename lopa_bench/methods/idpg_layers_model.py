"""Where prompts meet the layers of the backbone: forward hooks that add to the hidden states at the prompt's positions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from lopa_bench.errors import UserError
from lopa_bench.methods.between_layers import layers_of
from lopa_bench.methods.instance_encoder import InstanceEncoder
from lopa_bench.methods.placement import places
from lopa_bench.methods.soft_prompt import SoftPromptModel, WritesPrompt
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch


class WritesPrompts(WritesPrompt, Protocol):
    """What the model below asks of its method, a `lopa_bench.methods.idpg_layers.IdpgLayers`."""

    @property
    def name(self) -> str: ...

    @property
    def reads(self) -> str: ...


class IdpgLayersModel(SoftPromptModel):
    """A soft prompt at the input that is added to after every layer but the last.

    In generation the prompt's positions pass the layers once; new tokens find their keys and values in the cache.
    """

    method: WritesPrompts

    def __init__(self, backbone: Backbone, method: WritesPrompts, encoder: InstanceEncoder | None) -> None:
        super().__init__(backbone, method, encoder)
        self._read: Tensor | None = None  # f(x) of the batch, [B, E]
        self._at = self._first = torch.empty(0)  # [B, M] the prompt's positions, [B] the first token's
        self._reading = False  # whether the input has not passed the layers yet
        if (states := backbone.config.hidden_size) != backbone.width:
            raise UserError(
                f"method={method.name}: {type(backbone.model).__name__} has embeddings of width {backbone.width} and states of width "
                f"{states}, and one head writes for both; nearest: method=idpg"
            )
        layers = layers_of(backbone, method.name)
        for number, layer in enumerate(layers[:-1]):
            layer.register_forward_hook(self._after(number, last=number == len(layers) - 2))

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        m, mask = self.method.prompt_length, batch.attention_mask
        where = places(mask, m, self.method.position)
        self._at, self._first = where[:, :m], where[:, m:].gather(1, mask.argmax(1, keepdim=True))[:, 0]
        self._read = self.features(batch) if self.method.reads == "encoder" else None
        if self._read is not None:  # one reading of the instance for all layers: another has other dropout
            batch = replace(batch, features=self._read)
        self._reading = True
        return super().inputs(batch)

    def _after(self, number: int, last: bool) -> Any:
        """The hook of a layer."""

        def add(layer: nn.Module, arguments: Any, output: Any) -> Any:
            # A backward pass runs checkpointed layers again. Neither a frozen encoder that shares the body nor a new token has gradients.
            again = self.training and torch.is_grad_enabled()
            if not (self._reading or again):
                return output
            hidden = output[0] if isinstance(output, tuple) else output
            self._reading = not last
            added = self._prompt(number, hidden).to(hidden.dtype)
            hidden = hidden.scatter_add(1, self._at.unsqueeze(-1).expand_as(added), added)
            return (hidden, *output[1:]) if isinstance(output, tuple) else hidden

        return add

    def _prompt(self, number: int, hidden: Tensor) -> Tensor:
        """What is added after layer `number` (from 0), [B, M, D]."""
        read = self._read
        if read is None:
            read = hidden[torch.arange(len(hidden), device=hidden.device), self._first].float()
        prompt = self.method.prompt(self.parts, read, len(hidden))
        if not hasattr(self.parts, "bias"):
            return prompt
        task = self.parts.bias[number] - self.parts.head[-1].bias  # a bias of its own in place of the input's
        return prompt + task.unflatten(0, prompt.shape[1:])
