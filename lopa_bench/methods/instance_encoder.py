"""The instance encoder f: text -> features f(x) ∈ R^E."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from lopa_bench.host.counting import counted
from lopa_bench.methods.features import stored_features
from lopa_bench.models import shelf
from lopa_bench.models.backbone import Backbone, rows_of
from lopa_bench.models.batches import pad
from lopa_bench.models.files import ModelFiles, locate
from lopa_bench.models.loading import load_model
from lopa_bench.models.own_forward import check_own_features
from lopa_bench.models.tokens import load_tokenizer


def pool(hidden: Tensor, attention_mask: Tensor, pooling: str) -> Tensor:
    """[B, S, E] hidden states -> [B, E]: the first token's, or the mean over tokens."""
    if pooling == "first":
        return hidden[:, 0]
    weights = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * weights).sum(1) / weights.sum(1)


class InstanceEncoder(nn.Module):
    """A transformer body and a pooling.

    Frozen, it runs in evaluation mode and without gradients, so its features are a function of the text alone and are computed once.
    A frozen encoder with the backbone's own weights shares them; it is kept out of this module's parameters.

    Attributes:
        stored: read features from disk where an earlier run computed them. Not where all processes have to compute in step.
    """

    stored = True

    def __init__(
        self,
        body: PreTrainedModel,
        tokenizer: Any,
        files: ModelFiles,
        pooling: str,
        frozen: bool,
        backbone: Backbone,
        shared: bool,
    ) -> None:
        super().__init__()
        self.tokenizer, self.files, self.pooling, self.frozen = tokenizer, files, pooling, frozen
        self._backbone = (backbone,)  # in a tuple: not a submodule
        if shared:
            self._body = (body,)
        else:
            self.body = body
            self.body.requires_grad_(not frozen)

    @classmethod
    def beside(cls, backbone: Backbone, pooling: str, frozen: bool) -> InstanceEncoder:
        """The encoder that the backbone's settings name."""
        settings = backbone.settings
        if settings.encoder == "backbone":
            body = backbone.body if frozen else backbone.copy_of_body().float()
            return cls(body, backbone.tokenizer, backbone.files, pooling, frozen, backbone, shared=frozen)
        files = locate(settings.encoder, settings.encoder_revision, backbone.files.local_only, "model.encoder")
        dtype = backbone.dtype if frozen else torch.float32
        trusted = settings.trust_remote_code

        def read() -> PreTrainedModel:
            body = load_model(AutoModel, "model.encoder", files, dtype, trusted)
            if not files.reads_padded:
                check_own_features(body, files)
            return body

        body = shelf.model((files.fingerprint(), dtype, frozen), read, changed=not frozen)
        tokenizer = load_tokenizer(
            files.source, key="model.encoder", rows=rows_of(body), own_code=files.own_code, **files.options(trusted)
        )
        body.to(backbone.device)  # type: ignore[arg-type]
        return cls(body, tokenizer, files, pooling, frozen, backbone, shared=False)

    @property
    def module(self) -> PreTrainedModel:
        return self._body[0] if hasattr(self, "_body") else self.body

    @cached_property
    def width(self) -> int:
        """E, the width of its last hidden states: a few families project them (OPT-350m)."""
        if self.module.training or next(self.module.parameters()).is_meta:
            return int(self.module.config.hidden_size)
        with torch.no_grad():
            ids = torch.zeros(1, 1, dtype=torch.long, device=self.module.device)
            return int(self.module(input_ids=ids)[0].shape[-1])

    @property
    def positions(self) -> int:
        """Tokens it can read."""
        return self.files.positions

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """[B, S] tokens and mask -> [B, E] features in fp32."""
        return pool(
            self.module(input_ids=input_ids, attention_mask=attention_mask)[0].float(), attention_mask, self.pooling
        )

    def train(self, mode: bool = True) -> InstanceEncoder:
        """A frozen encoder stays in evaluation mode."""
        return super().train(mode and not self.frozen)

    def features(self, tokens: Sequence[Sequence[int]]) -> Tensor:
        """f(x) of every tokenised text, [N, E] in fp32 on the CPU, from disk if any earlier run computed them on such a device."""
        if not self.stored:
            return self._compute(tokens)
        backbone = self._backbone[0]
        kind = backbone.device.type
        told = {"pooling": self.pooling, "dtype": str(backbone.dtype)} | ({"device": kind} if kind != "cpu" else {})
        depends_on = {"weights": self.files.fingerprint(), **told}
        return torch.from_numpy(stored_features(depends_on, tokens, lambda: self._compute(tokens).numpy()))

    @torch.no_grad()
    def _compute(self, tokens: Sequence[Sequence[int]], batch_size: int = 64) -> Tensor:
        """Texts of like length together, so little is padded; the longest first, so that what they free serves all others."""
        module = self.module
        was_training = module.training
        module.eval()
        order = sorted(range(len(tokens)), key=lambda i: len(tokens[i]))
        features = torch.empty(len(tokens), self.width)
        device = next(module.parameters()).device
        batches = [order[start : start + batch_size] for start in reversed(range(0, len(order), batch_size))]
        for chosen in counted(batches, len, len(order)):
            ids, mask = pad([tokens[i] for i in chosen], self.tokenizer.pad_token_id)
            with self._backbone[0].autocast():
                features[chosen] = self(ids.to(device), mask.to(device)).cpu()
        module.train(was_training)
        return features
