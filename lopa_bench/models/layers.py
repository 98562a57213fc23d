"""A body's layers, and the last one where only some positions' states are read: what follows its attention is computed for these alone.

Attention mixes positions, whatever comes after it in a layer works on each one by itself. So the last layer's keys and values are needed
everywhere, its output projection, feed-forward part and norms where a state is read: one position a row for a label word, the completion's
for a text. Modules are the model's own, their inputs are narrowed and their outputs put back among the others by forward hooks.
"""

from __future__ import annotations

import contextlib
import inspect
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from lopa_bench.errors import UserError
from lopa_bench.models.dropout import RowDropout
from lopa_bench.models.own_forward import close, padded, random_embeddings

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from lopa_bench.models.backbone import Backbone

Stretch = tuple[
    str, str
]  # a layer's modules from the first, which is given the read positions alone, to the last ("": the layer itself)

STRETCHES: tuple[tuple[Stretch, ...], ...] = (
    (("attention.output", ""),),  # BERT, RoBERTa, DeBERTa
    (("self_attn.o_proj", "self_attn.o_proj"), ("post_attention_layernorm", "mlp")),  # Llama, Mistral, Qwen, Phi-3
    (
        ("self_attn.o_proj", "post_attention_layernorm"),
        ("pre_feedforward_layernorm", "post_feedforward_layernorm"),
    ),  # Gemma
    (("attn.c_proj", "attn.c_proj"), ("ln_2", "mlp")),  # GPT-2
    (("self_attn.dense", "self_attn.dense"), ("mlp", "mlp")),  # Phi
    (("attn.out_proj", "attn.out_proj"), ("mlp", "mlp")),  # CodeGen, GPT-J
    (("intermediate", "output"),),  # MPNet
    (("mlp", "mlp"),),  # all that call their feed-forward part so: GPT-NeoX, Bloom, Falcon, ModernBERT
)
TRIED = ((0, 1), (0, 5), (1, 2))  # row and column of the positions that are read in the trial


def layer_list(body: nn.Module, count: int) -> nn.ModuleList | None:
    """The list of a body's `count` layers, in order; None for a body that is no such list."""
    lists = (module for module in body.modules() if isinstance(module, nn.ModuleList))
    return next((each for each in lists if len(each) == count), None)


def checkpoint_layers(model: PreTrainedModel, again: Callable[[], AbstractContextManager[None]] = nullcontext) -> None:
    """Keep only the inputs of the layers for the backward pass, which computes the rest again, dropout included.

    Args:
        again: called in the forward pass, gives the context in which the backward pass computes again.

    Raises:
        UserError: an architecture whose layers transformers cannot checkpoint.
    """
    if not model.supports_gradient_checkpointing:
        raise UserError(f"train.gradient_checkpointing=true: {type(model).__name__} does not support it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # transformers 5 renames it on the way to 6
        model.gradient_checkpointing_enable({"use_reentrant": False, "context_fn": lambda: (nullcontext(), again())})


@torch.no_grad()
def stretches_of(backbone: Backbone) -> tuple[Stretch, ...]:
    """What of the last layer can be left out where nothing is read: found by trying the names that are known; () where it is nothing."""
    layers = layer_list(backbone.body, backbone.config.num_hidden_layers)
    if not layers:
        return ()
    names = {name for name, _ in layers[-1].named_modules()}
    known = [each for each in STRETCHES if names.issuperset(name for stretch in each for name in stretch)]
    if backbone.device.type == "meta":
        return known[0] if known else ()
    embeds, mask = padded(random_embeddings(backbone))
    rows, columns = torch.tensor(TRIED, device=mask.device).T
    read = rows * mask.shape[1] + columns
    every = backbone.body(inputs_embeds=embeds, attention_mask=mask)[0].flatten(0, 1)[read]
    for stretches in known:
        with (
            contextlib.suppress(Exception),
            reading(layers[-1], stretches, read, backbone.dropout),
        ):  # whatever such a model raises
            alone = backbone.body(inputs_embeds=embeds, attention_mask=mask)[0].flatten(0, 1)[read]
            if close(alone.float(), every.float()):
                return stretches
    return ()


@contextlib.contextmanager
def reading(layer: nn.Module, stretches: Sequence[Stretch], read: Tensor, dropout: RowDropout) -> Iterator[None]:
    """Inside, `layer` computes its `stretches` for the positions `read` alone.

    Args:
        read: [N] different positions, each row · T + column, ascending. The layer's states at all others mean nothing, but are finite.
    """
    with contextlib.ExitStack() as hooks:
        for first, last in stretches:
            narrowed = Narrowed(read, dropout)
            for name in dict.fromkeys(stretch for stretch in (first, last) if stretch):
                hooks.callback(layer.get_submodule(name).register_forward_pre_hook(narrowed.narrow).remove)
            hooks.callback(layer.get_submodule(last).register_forward_hook(narrowed.put_back).remove)
        yield


class Narrowed:
    """The hooks of one stretch: [B, T, …] to [1, N, …] at its beginning and back at its end, zeros where nothing is read."""

    def __init__(self, read: Tensor, dropout: RowDropout) -> None:
        self.read, self.dropout = read, dropout
        self._whole = torch.Size()  # B and T

    def narrow(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """A module's arguments with those of [B, T, …] as [1, N, …]; a hook before its forward pass."""
        self._whole = self._whole or args[0].shape[:2]
        self.dropout.places = self.read // self._whole[1], self.read % self._whole[1]
        return tuple(
            self._of(each) if isinstance(each, Tensor) and each.shape[:2] == self._whole else each for each in args
        )

    def _of(self, states: Tensor) -> Tensor:
        return states.flatten(0, 1).index_select(0, self.read).unsqueeze(0)

    def put_back(self, module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
        """The module's output [1, N, …], or the first of its outputs, as [B, T, …]; a hook behind its forward pass."""
        if isinstance(output, tuple):
            return (self.put_back(module, args, output[0]), *output[1:])
        self.dropout.places = None
        states = output.squeeze(0)
        whole = states.new_zeros(self._whole.numel(), *states.shape[1:]).index_copy(0, self.read, states)
        return whole.view(*self._whole, *whole.shape[1:])  # not unflatten, which PyTorch 2.13 cannot trace in a hook


def named(layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """A layer's arguments by name, the rest of them (`**kwargs`) among them."""
    bound = inspect.signature(layer.forward).bind(*args, **kwargs)
    rest = next((p.name for p in bound.signature.parameters.values() if p.kind is p.VAR_KEYWORD), "")
    given = {"attention_mask": None, **bound.arguments}
    return {**given, **given.pop(rest, {})}
