"""What a method makes of a backbone: one model with one way to be called."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint
from transformers import Cache

from lopa_bench.errors import UserError
from lopa_bench.methods.instance_encoder import InstanceEncoder
from lopa_bench.methods.readout import Classifier
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch, Split
from lopa_bench.models.decoding import GenerationSpec

LOGITS_HELD = 2**22  # of a training step at a time: 16 MiB in fp32, and about three times that with their gradients


class AdaptedModel(nn.Module):
    """A backbone with a method's parameters; this base class is the backbone as it is.

    Whatever a method puts before or beside the input, positions are those of ``batch.input_ids``: labels, loss and label-word
    look-up are written once for all methods.

    Attributes:
        encoder: the instance encoder whose features the method reads, or None.
        classifier: what reads the answer in place of the language model's head, or None.
        reads_padding: where a row's padding ends matters: something stands or is read behind it.
    """

    reads_padding = False

    def __init__(self, backbone: Backbone, encoder: InstanceEncoder | None = None) -> None:
        super().__init__()
        self.backbone = backbone
        self.encoder = encoder
        self.classifier: Classifier | None = None

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Embedded input [B, M + T, D] and mask [B, M + T], with M virtual positions, first unless `places` says otherwise."""
        return self.backbone.embed(batch.input_ids), batch.attention_mask

    def past(self, batch: Batch) -> Cache | None:
        """A key/value cache filled with what every layer attends to before the input, which `inputs`' mask then covers; or None."""
        return None

    def places(self, batch: Batch) -> Tensor | None:
        """Where `inputs` has the positions of `batch.input_ids`, [B, T]; None: last."""
        return None

    def instance(self, batch: Batch) -> Tensor:
        """[B, T], bool: which tokens are the instance: no padding, nor the completion that a causal LM is trained to write after it."""
        own = batch.attention_mask.bool()
        if self.backbone.kind == "masked":
            return own
        first_scored = batch.rows.new_full((len(own),), own.shape[1])
        first_scored = first_scored.scatter_reduce(0, batch.rows, batch.columns, "amin")
        return own & (torch.arange(own.shape[1], device=own.device) <= first_scored.unsqueeze(1))

    def columns(self, batch: Batch) -> Tensor:
        """[N] the positions that are read."""
        return batch.columns

    def hidden(self, batch: Batch) -> Tensor:
        """Last hidden states of the input's positions, [B, T, D'], of rows padded on the right; those of ``batch.read`` alone count."""
        embeds, mask = self.inputs(batch)
        past, places = self.past(batch), self.places(batch)
        cache = {} if past is None else {"past_key_values": past}
        length, tokens = embeds.shape[1], batch.input_ids.shape[1]
        read = batch.read_among(length, length - tokens if places is None else places)
        hidden = self.backbone.hidden(embeds, mask, read, **cache)
        if places is None:
            return hidden[:, -tokens:]
        return hidden.gather(1, places.unsqueeze(-1).expand(-1, -1, hidden.shape[-1]))

    @torch.no_grad()
    def generate(self, batch: Batch, spec: GenerationSpec) -> Tensor:
        """New tokens only, [B · n, T_new], a row's n samples side by side; `batch` is padded on the left."""
        with self.backbone.autocast():
            return spec.decode(self.backbone, *self.inputs(batch), self.past(batch), batch.index)

    def states(self, batch: Batch) -> Tensor:
        """Last hidden states [N, D'] that the answers are read from: at the N scored positions, or at their rows' first tokens."""
        batch = batch.padded_on_the_right()
        read = self.columns(batch) if self.classifier is None else batch.attention_mask.argmax(1)[batch.rows]
        with self.backbone.autocast():
            return self.hidden(replace(batch, read=read))[batch.rows, read]

    def logits(self, states: Tensor) -> Tensor:
        """[N, D'] -> [N, V] in fp32."""
        with self.backbone.autocast():
            return self.backbone.head(states).float() if self.classifier is None else self.classifier(states)

    def forward(self, batch: Batch) -> Tensor:
        """Logits [N, V] at the batch's N scored positions only, in fp32."""
        return self.logits(self.states(batch))

    def loss(self, batch: Batch) -> Tensor:
        """Mean cross-entropy over the N scored positions.

        Where logits of all of them would take much memory, a few positions' are held at a time and computed again in the backward pass.
        """
        scored = self.states(batch), batch.targets, batch.rows, batch.columns
        count, few = len(batch.targets), max(1, LOGITS_HELD // self.backbone.vocabulary)
        if count <= few:
            return self._summed_loss(*scored) / count
        again = self.backbone.dropout.again  # every part draws as if it were the whole
        sums = [
            checkpoint(self._summed_loss, *part, use_reentrant=False, context_fn=lambda: (again(), again()))
            for part in zip(*(each.split(few) for each in scored), strict=True)
        ]
        return torch.stack(sums).sum() / count

    def _summed_loss(self, states: Tensor, targets: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        self.backbone.dropout.places = rows, columns
        return F.cross_entropy(self.logits(states), targets, reduction="sum")

    def learning_rates(self) -> dict[str, float]:
        """The rates of those trained parameters that have their own, by name."""
        return {}

    def parameter_groups(self, lr: float, encoder_lr: float | None = None) -> list[dict[str, Any]]:
        """Optimiser groups, one a learning rate: `lr` first, an instance encoder's `encoder_lr` (None: `lr`), those that have their own."""
        own, encoder = self.learning_rates(), set(self.encoder.parameters()) if self.encoder is not None else set()
        groups: dict[float, list[nn.Parameter]] = {lr: []}
        for name, parameter in self.trainable().items():
            usual = encoder_lr if encoder_lr is not None and parameter in encoder else lr
            groups.setdefault(own.get(name, usual), []).append(parameter)
        return [{"params": parameters, "lr": rate} for rate, parameters in groups.items()]

    @property
    def search_epochs(self) -> int:
        """For how many epochs more than it is told to the model trains, before `end_search` decides what is trained then."""
        return 0

    def end_search(self) -> dict[str, list[int | float]]:
        """Keep what the search has found worth training, as it was at the start; what was found, for the result."""
        return {}

    def solve(self, split: Split) -> bool:
        """Set the trained parameters from the training split at once, where the method can; False: they are trained by steps."""
        return False

    def load_trainable(self, state: Mapping[str, Tensor]) -> None:
        """Put saved values into the trained parameters. Raises `UserError` where names or shapes differ."""
        parameters = self.trainable()
        check_fit(shapes_of(state), shapes_of(parameters))
        with torch.no_grad():
            for name, parameter in parameters.items():
                parameter.copy_(state[name])

    def trainable(self) -> dict[str, nn.Parameter]:
        """The parameters that are trained, by name."""
        return {name: p for name, p in self.named_parameters() if p.requires_grad}

    def added(self) -> dict[str, nn.Parameter]:
        """`trainable` without an instance encoder's and a classifier's, as the paper counts."""
        beside = [part for part in (self.encoder, self.classifier) if part is not None]
        others = {id(p) for part in beside for p in part.parameters()}
        return {name: p for name, p in self.trainable().items() if id(p) not in others}


def shapes_of(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """Name -> shape."""
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}


def check_fit(saved: Mapping[str, tuple[int, ...]], wanted: Mapping[str, tuple[int, ...]]) -> None:
    """Raise `UserError` where the names or shapes of saved parameters are not those of a model's trained ones."""
    if differing := set(saved) ^ set(wanted):
        raise UserError(f"saved parameters do not fit this model: {sorted(differing)[0]} is in only one of them")
    for name, shape in wanted.items():
        if saved[name] != shape:
            raise UserError(f"saved parameters do not fit: {name} is {saved[name]}, not {shape}")
