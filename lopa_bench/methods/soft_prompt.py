"""The only place where a soft prompt meets embeddings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from lopa_bench.errors import UserError
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.instance_encoder import InstanceEncoder
from lopa_bench.methods.parts import Part, Parts
from lopa_bench.methods.placement import join, places
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch
from lopa_bench.models.shape import Shape


class WritesPrompt(Protocol):
    """What the model below asks of its method, a `lopa_bench.methods.base.SoftPromptMethod`."""

    @property
    def name(self) -> str: ...

    @property
    def prompt_length(self) -> int: ...

    @property
    def position(self) -> str: ...

    def parts(self, shape: Shape) -> dict[str, Part]: ...

    def prompt(self, parts: Parts, features: Tensor | None, batch_size: int) -> Tensor: ...

    def features_of_input(self, parts: Parts, embeds: Tensor, instance: Tensor) -> Tensor | None: ...

    def embedding_update(self, parts: Parts, embeds: Tensor, positions: Tensor) -> Tensor | None: ...

    def learning_rates(self) -> dict[str, float]: ...


class SoftPromptModel(AdaptedModel):
    """X = [Z ; X_e] before a frozen backbone, with Z from the method's parts and, where there is an encoder, its features.

    Attributes:
        fixed: a prompt [M', D] that every instance is given in place of its own (`probe.InstanceProbe`), or None.
    """

    fixed: Tensor | None = None

    def __init__(self, backbone: Backbone, method: WritesPrompt, encoder: InstanceEncoder | None) -> None:
        super().__init__(backbone, encoder)
        self.method = method
        self.parts = Parts(method.parts(backbone.shape(encoder.width if encoder else 0))).to(backbone.device)
        trained = {name for name, p in self.parts.named_parameters() if p.requires_grad}
        if other := next((name for name in self.parts.state_dict() if name not in trained), None):
            raise UserError(
                f"method={method.name}: its part {other} is not trained (a BatchNorm's statistics, a frozen parameter), so it is not kept "
                "with a run; use a layer without (LayerNorm), or a buffer with persistent=False whose values follow from the settings"
            )

    def features(self, batch: Batch) -> Tensor | None:
        """f(x), [B, E]: those computed once for all epochs, a trained encoder's, or what the method makes of the input; None: nothing."""
        if batch.features is not None:
            return batch.features
        if self.encoder is not None:
            return self.encoder(batch.encoder_ids, batch.encoder_mask)
        embeds = self.backbone.embed(batch.input_ids).float()
        return self.method.features_of_input(self.parts, embeds, self.instance(batch))

    def prompt(self, batch: Batch) -> Tensor:
        """Z, [B, M, D]."""
        if self.fixed is not None:
            return self.fixed.expand(len(batch.input_ids), -1, -1)
        prompt = self.method.prompt(self.parts, self.features(batch), len(batch.input_ids))
        wanted = (len(batch.input_ids), self.method.prompt_length, self.backbone.width)
        if not isinstance(prompt, Tensor) or tuple(prompt.shape) != wanted:
            given = list(prompt.shape) if isinstance(prompt, Tensor) else type(prompt).__name__
            raise UserError(
                f"method={self.method.name}: its prompt() gives {given}, and {list(wanted)} is wanted (rows, virtual tokens, width)"
            )
        return prompt

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        embeds = self.backbone.embed(batch.input_ids)
        positions = (batch.attention_mask.cumsum(1) - 1).clamp(min=0)
        update = self.method.embedding_update(self.parts, embeds.float(), positions)
        if update is not None:
            embeds = embeds + (update * self.instance(batch).unsqueeze(-1)).to(embeds.dtype)
        return join(self.prompt(batch).to(embeds.dtype), embeds, batch.attention_mask, self.method.position)

    def places(self, batch: Batch) -> Tensor | None:
        if self.method.position == "prefix":
            return None
        m = self.method.prompt_length if self.fixed is None else len(self.fixed)
        mask = batch.attention_mask
        own = places(mask, m, self.method.position)[:, m:]
        if self.backbone.kind == "masked":
            return own
        # A causal LM says what follows a row's first token where that is next: behind the prompt.
        return own.scatter_add(1, mask.argmax(1, keepdim=True), torch.full_like(own, m))

    def learning_rates(self) -> dict[str, float]:
        return {f"parts.{name}": rate for name, rate in self.method.learning_rates().items()}


def prompt_writer(method: WritesPrompt, shape: Shape) -> Callable[[Tensor | None, Tensor], Tensor]:
    """What the client of such a method computes for rows without padding (`lopa_bench.methods.base.Method.prompt_writer`)."""
    parts = Parts(method.parts(shape)).eval()

    def write(features: Tensor | None, embeds: Tensor) -> Tensor:
        positions = torch.arange(embeds.shape[1], device=embeds.device).expand(len(embeds), -1)
        if features is None:
            features = method.features_of_input(parts, embeds, positions >= 0)
        update = method.embedding_update(parts, embeds, positions)
        prompt = method.prompt(parts, features, len(embeds))
        return torch.cat([prompt, embeds if update is None else embeds + update], dim=1)

    return write
