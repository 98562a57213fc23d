"""Key/value caches for writing: with room for what comes, and one that a row's beams share."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from transformers import Cache, DynamicCache
from transformers.cache_utils import DynamicLayer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from lopa_bench.models.backbone import Backbone

_ROOM = 64  # positions that are made at a time


def positions(backbone: Backbone, mask: Tensor, length: int) -> dict[str, Tensor]:
    """The `position_ids` of the mask's last `length` places, counted over what is attended to as transformers' `generate` counts them.

    Empty for a model that takes none.
    """
    if "position_ids" not in inspect.signature(backbone.body.forward).parameters:
        return {}
    return {"position_ids": (mask.cumsum(1) - 1).clamp(min=0)[:, mask.shape[1] - length :]}


def fill(backbone: Backbone, embeds: Tensor, mask: Tensor, past: Cache) -> None:
    """Puts keys and values of all positions but the last into `past`; the last one's output is the first that matters."""
    backbone.body(
        inputs_embeds=embeds[:, :-1],
        attention_mask=mask[:, :-1],
        past_key_values=past,
        use_cache=True,
        **positions(backbone, mask[:, :-1], embeds.shape[1] - 1),
    )


class RoomyLayer(DynamicLayer):
    """Writes new keys and values, [rows, heads, T, width], into room kept for them; its base class copies all it holds at every step."""

    def __init__(self, filled: DynamicLayer) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        vars(self).update(vars(filled))
        self._rooms: list[Tensor] = []

    def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
        new, start = (key_states, value_states), self.get_seq_length()
        end = start + key_states.shape[-2]
        if self._rooms and self.keys is not None and self.keys.data_ptr() != self._rooms[0].data_ptr():
            self._rooms = []  # the rows have been put in another order since, by a beam search: what is held is no longer in the room
        if not self._rooms or end > self._rooms[0].shape[-2]:
            self.dtype, self.device, self.is_initialized = key_states.dtype, key_states.device, True
            self._rooms = [each.new_empty(*each.shape[:-2], end + _ROOM, each.shape[-1]) for each in new]
            if start:
                assert self.keys is not None
                assert self.values is not None
                for room, held in zip(self._rooms, (self.keys, self.values), strict=True):
                    room[..., :start, :] = held
        for room, each in zip(self._rooms, new, strict=True):
            room[..., start:end, :] = each
        self.keys, self.values = (room[..., :end, :] for room in self._rooms)
        return self.keys, self.values


def with_room(cache: Cache) -> Cache:
    """The same cache; layers of a sliding window, which do not grow, and of other kinds stay as they are."""
    cache.layers = [RoomyLayer(layer) if type(layer) is DynamicLayer else layer for layer in cache.layers]
    return cache


def can_share(cache: Cache) -> bool:
    """A sliding window counts back from the newest position, of which every beam adds one."""
    return all(type(layer) is DynamicLayer for layer in cache.layers)


class SharedByBeams(DynamicCache):
    """Keys and values of B rows that each row's n beams attend to in common.

    The input's are there once. A step adds those of the row's n newest tokens, and a beam attends to the input and to its own ancestors:
    when beams change places only this mask does, where `generate` copies all keys and values. The tree mask is that of SpecInfer (Miao
    et al. 2024).

    Args:
        filled: of the input's positions but the last.
        mask: [B, P], which of those positions are attended to.
    """

    def __init__(self, filled: Cache, mask: Tensor, beams: int) -> None:
        super().__init__()
        self.layers, self.beams = with_room(filled).layers, beams
        self.attended = mask.bool()[:, None].expand(-1, beams, -1)  # [B, n, positions]

    def reorder_cache(self, beam_idx: Tensor) -> None:
        """Beam i of all, [B · n], goes on from beam `beam_idx[i]`, one of the same row."""
        self.attended = self.attended.flatten(0, 1)[beam_idx].unflatten(0, (-1, self.beams))

    @contextlib.contextmanager
    def read_by(self, model: PreTrainedModel) -> Iterator[None]:
        """Inside, the model is called with B · n sequences of one token and computes B sequences of n."""
        hooks = (
            model.register_forward_pre_hook(self._side_by_side, with_kwargs=True),
            model.register_forward_hook(self._apart),
        )
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _side_by_side(self, model: PreTrainedModel, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Any]:
        for name in ("input_ids", "inputs_embeds", "position_ids"):
            if kwargs.get(name) is not None:
                kwargs[name] = kwargs[name].unflatten(0, (-1, self.beams)).flatten(1, 2)
        own = torch.eye(self.beams, dtype=torch.bool, device=self.attended.device).expand(len(self.attended), -1, -1)
        self.attended = torch.cat([self.attended, own], dim=-1)
        # Added to the attention scores: the form of mask that every attention implementation of transformers takes.
        lowest = torch.finfo(model.dtype).min
        hidden = torch.zeros(self.attended.shape, dtype=model.dtype, device=own.device)
        kwargs["attention_mask"] = hidden.masked_fill(~self.attended, lowest)[:, None]
        kwargs.pop("logits_to_keep", None)  # the last position's: here every position is some beam's last
        return args, kwargs

    def _apart(self, model: PreTrainedModel, args: tuple[Any, ...], output: Any) -> Any:
        output.logits = output.logits.flatten(0, 1).unsqueeze(1)
        return output
