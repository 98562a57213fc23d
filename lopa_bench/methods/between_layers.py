"""The only place where prompts meet the states between two layers.

The m positions stand in the input from the start, so that key/value caches have one length in all layers. Up to layer ℓ no token attends
to them and no position is counted for them; between layer ℓ and the next they are given the prompt's states, and from there on all attend.
A prompt may be written anew at a later layer.
A masked LM, which counts positions by place, has them behind its input; a causal one, whose positions are counted over what the mask
attends to, before it.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from transformers import DynamicCache

from lopa_bench.errors import UserError
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.parts import Part, Parts
from lopa_bench.methods.placement import join
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch
from lopa_bench.models.decoding import GenerationSpec
from lopa_bench.models.kv_cache import can_share, positions
from lopa_bench.models.layers import layer_list, named
from lopa_bench.models.own_forward import close
from lopa_bench.models.shape import Shape

# ℓ, H_ℓ of the input's positions, [B, T, D], and the states of the prompt's so far, [B, M, D] -> what these become, [B, M, D]
Writer = Callable[[int, Tensor, Tensor], Tensor]


class WritesBetweenLayers(Protocol):
    """What the model below asks of its method."""

    @property
    def name(self) -> str: ...

    @property
    def prompt_length(self) -> int: ...

    def parts(self, shape: Shape) -> dict[str, Part]: ...


class BetweenLayers(AdaptedModel, ABC):
    """A frozen backbone whose prompt stands between its layers."""

    def __init__(self, backbone: Backbone, method: WritesBetweenLayers) -> None:
        super().__init__(backbone)
        self.method, self.causal = method, backbone.kind == "causal"
        self.parts = Parts(method.parts(backbone.shape(encoder_width=0))).to(backbone.device)
        self._write: Writer | None = None  # of the pass that is under way
        self._at: Collection[int] = ()  # the layers ℓ above which it writes
        if self.points:
            for number, layer in enumerate(layers_of(backbone, method.name)):
                layer.register_forward_pre_hook(partial(self._before, number), with_kwargs=True)
            backbone.recomputed.append(self._again)
            if backbone.device.type != "meta":
                self._check()  # in fp32: what bf16 rounds off is, on some CPUs, more than a wrong position of some families
        backbone.freeze()
        self.reads_padding = bool(self.points) and not self.causal

    @property
    @abstractmethod
    def points(self) -> tuple[int, ...]:
        """The layers ℓ above which prompts are written, ascending; () where that is done below all and without these hooks."""

    @abstractmethod
    def written(self, number: int, states: Tensor, batch: Batch) -> Tensor:
        """The prompt that is written from H_ℓ, ℓ = `number`, [B, T, D] -> [B, M, D]."""

    def entering(self, number: int, written: Tensor, before: Tensor, batch: Batch) -> Tensor:
        """What stands above layer `number`: of what is `written` there and the states `before`, 0 where no prompt is yet; [B, M, D]."""
        return written

    @contextlib.contextmanager
    def _writing(self, write: Writer, at: Collection[int]) -> Iterator[None]:
        """Inside, the backbone's passes take the prompts that `write` makes above the layers `at`."""
        self._write, self._at = write, at
        try:
            yield
        finally:
            self._write = None

    def _again(self) -> contextlib.AbstractContextManager[None]:
        """The context in which a part of the pass that is under way takes the same prompts when it is computed again."""
        return self._writing(self._write, self._at) if self._write else contextlib.nullcontext()

    def inputs(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Embedded input with m empty positions, [B, M + T, D], and the mask of the lower layers, [B, M + T].

        Where nothing is written between layers the prompt is a soft prompt, written from the embedded input.
        """
        embeds, mask = super().inputs(batch)
        if self.points:
            return self._with_places(embeds, mask)
        return join(self.written(0, embeds, batch).to(embeds.dtype), embeds, mask, "prefix")

    def _with_places(self, embeds: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        m = self.method.prompt_length
        empty, unseen = embeds.new_zeros(len(embeds), m, embeds.shape[2]), mask.new_zeros(len(mask), m)
        order = slice(None, None, 1 if self.causal else -1)
        return torch.cat([empty, embeds][order], dim=1), torch.cat([unseen, mask][order], dim=1)

    def hidden(self, batch: Batch) -> Tensor:
        if not self.points:
            return super().hidden(batch)
        embeds, mask = self.inputs(batch)
        read = batch.read_among(embeds.shape[1], self.method.prompt_length if self.causal else 0)

        def write(number: int, states: Tensor, before: Tensor) -> Tensor:
            return self.entering(number, self.written(number, states, batch), before, batch)

        with self._writing(write, self.points):
            return self._inputs_part(self.backbone.hidden(embeds, mask, read, **self._counted(mask)))

    def generate(self, batch: Batch, spec: GenerationSpec) -> Tensor:
        """As of any method; prompts are written once, from the whole input, before the first new token."""
        if not self.points:
            return super().generate(batch, spec)
        if spec.settings.decoding == "beam":
            _ = self.backbone.shares_beams  # is found out by passes of its own, which take no prompts
        made: dict[int, Tensor] = {}
        embeds, mask = self.inputs(batch)

        def write(number: int, states: Tensor, before: Tensor) -> Tensor:
            if number not in made:
                made[number] = self.written(number, states, batch)
            return self.entering(number, made[number], before, batch)

        with torch.no_grad(), self.backbone.autocast(), self._writing(write, self.points):
            self.backbone.hidden(embeds, mask, **positions(self.backbone, mask, mask.shape[1]))
            return super().generate(batch, spec)

    def _counted(self, mask: Tensor) -> dict[str, Tensor]:
        """Positions, counted over what the mask attends to; a masked LM counts its own, by place."""
        return positions(self.backbone, mask, mask.shape[1]) if self.causal else {}

    def _inputs_part(self, states: Tensor) -> Tensor:
        m = self.method.prompt_length
        return states[:, m:] if self.causal else states[:, :-m]

    def _before(self, number: int, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Before layer `number` + 1: a prompt takes its places, in a pass that has them (a step from a cache has not), and is seen."""
        if self._write is None or number < min(self._at):
            return None
        given = named(layer, args, kwargs)
        states, mask = given["hidden_states"], given["attention_mask"]
        if number in self._at and states.shape[1] == mask.shape[-1]:
            m = self.method.prompt_length
            own, before = self._inputs_part(states), states[:, :m] if self.causal else states[:, -m:]
            if number == min(self._at):  # what went through the lower layers there is nothing
                before = torch.zeros_like(before)
            prompt = self._write(number, own, before).to(states.dtype)
            given["hidden_states"] = torch.cat([prompt, own] if self.causal else [own, prompt], dim=1)
        return (), self._opened(given)

    def _opened(self, given: dict[str, Any]) -> dict[str, Any]:
        """A layer's arguments with a mask, [B, 1, Q, K], through which the prompt's places are seen, by a causal LM from behind only."""
        m, mask = self.method.prompt_length, given["attention_mask"]
        queries, keys = given["hidden_states"].shape[1], mask.shape[-1]
        places = torch.arange(m, device=mask.device)
        rows = torch.arange(keys - queries, keys, device=mask.device).unsqueeze(1)
        opened, seen = mask.expand(-1, -1, queries, -1).clone(), True if mask.dtype == torch.bool else 0.0
        if self.causal:
            opened[..., :m].masked_fill_(places <= rows, seen)
        else:
            opened[..., -m:].fill_(seen)
        return {**given, "attention_mask": opened}

    @torch.no_grad()
    def _check(self) -> None:
        """Raise `UserError` for a family whose states below a prompt are not those of the input alone, or that no prompt reaches.

        It is asked with one prompt, as late as one may stand.
        """
        backbone, draw, late = self.backbone, torch.Generator().manual_seed(0), self.points[-1]
        name = f"method={self.method.name}: {type(backbone.model).__name__}"
        embeds = backbone.embed(torch.randint(10, 40, (1, 6), generator=draw).to(backbone.device))
        mask = torch.ones(1, 6, dtype=torch.long, device=backbone.device)
        if self.causal and not can_share(DynamicCache(config=backbone.config)):
            raise UserError(
                f"{name} has layers that forget what is far back, and so a prompt before it; nearest: method=pt"
            )
        try:
            alone = self._alone(embeds, mask, late)
            states, one = self._beside(embeds, mask, late, 1.0)
            other = self._beside(embeds, mask, late, -1.0)[1]
            padded = one if self.causal else self._beside(*self._padded(embeds, mask), late, 1.0)[1][:, : one.shape[1]]
        except Exception as error:
            raise UserError(
                f"{name} takes no prompt between its layers ({type(error).__name__}); nearest: method=pt"
            ) from error
        if not close(states, alone) or close(one, other):
            raise UserError(
                f"{name} counts the places of a prompt that its lower layers do not see; nearest: method=pt"
            )
        if not close(padded, one):
            raise UserError(
                f"{name} sees how far away a prompt is, and behind a row's padding that hangs on the other rows; nearest: method=pt"
            )

    def _padded(self, embeds: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """The input with as much padding behind it."""
        return torch.cat([embeds, torch.zeros_like(embeds)], dim=1), torch.cat([mask, torch.zeros_like(mask)], dim=1)

    def _alone(self, embeds: Tensor, mask: Tensor, number: int) -> Tensor:
        """H_ℓ, ℓ = `number`, of an input without a place for a prompt."""
        seen: list[Tensor] = []
        hook = layers_of(self.backbone, self.method.name)[number].register_forward_pre_hook(
            lambda layer, args, kwargs: seen.append(named(layer, args, kwargs)["hidden_states"]), with_kwargs=True
        )
        with contextlib.ExitStack() as stack:
            stack.callback(hook.remove)
            self.backbone.hidden(embeds, mask)
        return seen[0]

    def _beside(self, embeds: Tensor, mask: Tensor, number: int, scale: float) -> tuple[Tensor, Tensor]:
        """H_ℓ, ℓ = `number`, of the input, and its last states beside a random prompt above that layer."""
        seen: list[Tensor] = []
        shape = (1, self.method.prompt_length, embeds.shape[2])
        prompt = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(embeds.device) * scale

        def write(number: int, states: Tensor, before: Tensor) -> Tensor:
            seen.append(states)
            return prompt

        embeds, mask = self._with_places(embeds, mask)
        with self._writing(write, (number,)):
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
