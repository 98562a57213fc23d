"""The only place where a prompt meets the states between two layers.

The m positions stand in the input from the start, so that key/value caches have one length in all layers. Up to layer ℓ no token attends
to them and no position is counted for them; between layer ℓ and the next they are given the prompt's states, and from there on all attend.
A masked LM, which counts positions by place, has them behind its input; a causal one, whose positions are counted over what the mask
attends to, before it.
"""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from lopa_bench.errors import UserError
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.parts import Part, Parts
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch
from lopa_bench.models.decoding import GenerationSpec
from lopa_bench.models.kv_cache import can_share, positions
from lopa_bench.models.layers import layer_list
from lopa_bench.models.probe import close
from lopa_bench.models.shape import Shape

Writer = Callable[[Tensor], Tensor]  # H_ℓ of the input's positions, [B, T, D] -> P, [B, M, D]


class WritesLatePrompt(Protocol):
    """What the model below asks of its method, a `lopa_bench.methods.lpt.Lpt`."""

    @property
    def name(self) -> str: ...

    @property
    def prompt_length(self) -> int: ...

    def after(self, layers: int) -> int: ...

    def parts(self, shape: Shape) -> dict[str, Part]: ...

    def prompt(self, parts: Parts, states: Tensor, instance: Tensor, causal: bool) -> Tensor: ...


class LptModel(AdaptedModel):
    """A frozen backbone with a prompt between two of its layers."""

    def __init__(self, backbone: Backbone, method: WritesLatePrompt) -> None:
        backbone.freeze()
        super().__init__(backbone)
        self.method, self.causal = method, backbone.kind == "causal"
        self.parts = Parts(method.parts(backbone.shape(encoder_width=0))).to(backbone.device)
        layers = layers_of(backbone, method.name)
        self.after, self._write = method.after(len(layers)), None
        for number, layer in enumerate(layers[self.after :] if self.after else ()):
            layer.register_forward_pre_hook(self._above if number else self._entering, with_kwargs=True)
        if self.after and backbone.device.type != "meta":
            self._check()

    _write: Writer | None  # of the pass that is under way

    @contextlib.contextmanager
    def _writing(self, write: Writer) -> Iterator[None]:
        """Inside, the backbone's passes take the prompt that `write` makes."""
        self._write = write
        try:
            yield
        finally:
            self._write = None

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Embedded input with m empty positions, [B, M + T, D], and the mask of the lower layers, [B, M + T].

        Below no layer the prompt is a soft prompt, written from the embedded input.
        """
        embeds, mask = super().inputs(batch)
        if self.after:
            return self._with_places(embeds, mask)
        prompt = self._prompt(embeds, batch).to(embeds.dtype)
        return torch.cat([prompt, embeds], dim=1), torch.cat([mask.new_ones(prompt.shape[:2]), mask], dim=1)

    def _with_places(self, embeds: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        m = self.method.prompt_length
        empty, unseen = embeds.new_zeros(len(embeds), m, embeds.shape[2]), mask.new_zeros(len(mask), m)
        order = slice(None, None, 1 if self.causal else -1)
        return torch.cat([empty, embeds][order], dim=1), torch.cat([unseen, mask][order], dim=1)

    def hidden(self, batch: Batch) -> Tensor:
        if not self.after:
            return super().hidden(batch)
        embeds, mask = self.inputs(batch)
        read = batch.read_among(embeds.shape[1], self.method.prompt_length if self.causal else 0)
        with self._writing(lambda states: self._prompt(states, batch)):
            return self._inputs_part(self.backbone.hidden(embeds, mask, read, **self._counted(mask)))

    def generate(self, batch: Batch, spec: GenerationSpec) -> Tensor:
        """As of any method; the prompt is written once, from the whole input, before the first new token."""
        if not self.after:
            return super().generate(batch, spec)
        made: list[Tensor] = []
        embeds, mask = self.inputs(batch)
        with torch.no_grad(), self.backbone.autocast():
            with self._writing(lambda states: made.append(self._prompt(states, batch)) or made[0]):  # type: ignore[func-returns-value]
                self.backbone.hidden(embeds, mask, **positions(self.backbone, mask, mask.shape[1]))
            with self._writing(lambda states: made[0]):
                return super().generate(batch, spec)

    def _counted(self, mask: Tensor) -> dict[str, Tensor]:
        """Positions, counted over what the mask attends to; a masked LM counts its own, by place."""
        return positions(self.backbone, mask, mask.shape[1]) if self.causal else {}

    def _inputs_part(self, states: Tensor) -> Tensor:
        m = self.method.prompt_length
        return states[:, m:] if self.causal else states[:, :-m]

    def _prompt(self, states: Tensor, batch: Batch) -> Tensor:
        return self.method.prompt(self.parts, states, self.instance(batch), self.causal)

    def _entering(self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Before layer ℓ + 1: the prompt takes its places, in a pass that has them (a step from a cache has not)."""
        if self._write is None:
            return None
        given = named(layer, args, kwargs)
        states, mask = given["hidden_states"], given["attention_mask"]
        if states.shape[1] == mask.shape[-1]:
            own = self._inputs_part(states)
            prompt = self._write(own).to(states.dtype)
            given["hidden_states"] = torch.cat([prompt, own] if self.causal else [own, prompt], dim=1)
        return (), self._opened(given)

    def _above(self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return None if self._write is None else ((), self._opened(named(layer, args, kwargs)))

    def _opened(self, given: dict[str, Any]) -> dict[str, Any]:
        """A layer's arguments with a mask, [B, 1, Q, K], through which the prompt's places are seen, by a causal LM from behind only."""
        m, mask = self.method.prompt_length, given["attention_mask"]
        queries, keys = given["hidden_states"].shape[1], mask.shape[-1]
        places = torch.arange(m, device=mask.device)
        rows = torch.arange(keys - queries, keys, device=mask.device).unsqueeze(1)
        sees = places <= rows if self.causal else (places <= rows) | True
        opened = mask.expand(-1, -1, queries, -1).clone()
        part = opened[..., :m] if self.causal else opened[..., -m:]
        part.masked_fill_(sees, True if mask.dtype == torch.bool else 0.0)
        return {**given, "attention_mask": opened}

    @torch.no_grad()
    def _check(self) -> None:
        """Raise `UserError` for a family whose states up to layer ℓ are not those of the input alone, or that the prompt does not reach."""
        backbone, draw = self.backbone, torch.Generator().manual_seed(0)
        name = f"method={self.method.name}: {type(backbone.model).__name__}"
        embeds = backbone.embed(torch.randint(10, 40, (1, 6), generator=draw).to(backbone.device))
        mask = torch.ones(1, 6, dtype=torch.long, device=backbone.device)
        if self.causal and not can_share(DynamicCache(config=backbone.config)):
            raise UserError(
                f"{name} has layers that forget what is far back, and so a prompt before it; nearest: method=pt"
            )
        try:
            alone = self._states(embeds, mask, places=False)[0]
            states, one = self._states(embeds, mask, places=True)
            other = self._states(embeds, mask, places=True, scale=-1.0)[1]
        except Exception as error:
            raise UserError(
                f"{name} takes no prompt between its layers ({type(error).__name__}); nearest: method=pt"
            ) from error
        if not close(states, alone) or close(one, other):
            raise UserError(
                f"{name} counts the places of a prompt that its lower layers do not see; nearest: method=pt"
            )

    def _states(self, embeds: Tensor, mask: Tensor, places: bool, scale: float = 1.0) -> tuple[Tensor, Tensor]:
        """H_ℓ of the input, and its last states behind a random prompt or without a place for one."""
        seen: list[Tensor] = []
        shape = (1, self.method.prompt_length, embeds.shape[2])
        prompt = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(embeds.device) * scale

        def write(states: Tensor) -> Tensor:
            seen.append(states)
            return prompt

        if not places:
            layer = layers_of(self.backbone, self.method.name)[self.after]
            hook = layer.register_forward_pre_hook(
                lambda layer, args, kwargs: seen.append(named(layer, args, kwargs)["hidden_states"]), with_kwargs=True
            )
            with contextlib.closing(contextlib.ExitStack()) as stack:
                stack.callback(hook.remove)
                last = self.backbone.hidden(embeds, mask)
            return seen[0], last
        embeds, mask = self._with_places(embeds, mask)
        with self._writing(write):
            last = self._inputs_part(self.backbone.hidden(embeds, mask, **self._counted(mask)))
        return seen[0], last


def layers_of(backbone: Backbone, name: str) -> nn.ModuleList:
    """The backbone's layers, in order. Raises `UserError` for a body that is no list of them."""
    count = backbone.config.num_hidden_layers
    layers = layer_list(backbone.body, count)
    if layers is None:
        raise UserError(
            f"method={name}: {type(backbone.model).__name__} is no list of {count} layers; nearest: method=pt"
        )
    return layers


def named(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """A layer's arguments by name, the rest of them (`**kwargs`) among them."""
    bound = inspect.signature(layer.forward).bind(*args, **kwargs)
    rest = next((p.name for p in bound.signature.parameters.values() if p.kind is p.VAR_KEYWORD), "")
    given = {"attention_mask": None, **bound.arguments}
    return {**given, **given.pop(rest, {})}


def pooled(values: Tensor, chosen: Tensor, rows: int, largest: bool) -> Tensor:
    """[B, T, H] -> [B, rows, H]: the N chosen positions, [B, T], pooled as torch's adaptive pooling does.

    Row i takes those from the ⌊iN/rows⌋th up to the ⌈(i+1)N/rows⌉th.
    """
    count, rank = chosen.sum(1)[:, None, None], (chosen.cumsum(1) - 1).unsqueeze(1)
    row = torch.arange(rows, device=values.device)[None, :, None]
    start, stop = row * count // rows, -(-(row + 1) * count // rows)
    taken = (rank >= start) & (rank < stop) & chosen.unsqueeze(1)  # [B, rows, T]
    if largest:
        return values.unsqueeze(1).masked_fill(~taken.unsqueeze(-1), -torch.inf).amax(2)
    weights = taken.to(values.dtype)
    return weights @ values / weights.sum(-1, keepdim=True)
