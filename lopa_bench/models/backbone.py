"""The pretrained model: loading it, and the three steps every method shares: embed tokens, run the body, apply the head."""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property, partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, GenerationConfig, PreTrainedModel

from lopa_bench.config.fields import Kind
from lopa_bench.config.schema import Model
from lopa_bench.errors import UserError
from lopa_bench.host.heap import keep_freed_memory
from lopa_bench.host.shelf import Shelf
from lopa_bench.models import shelf
from lopa_bench.models.computed import Computed
from lopa_bench.models.dropout import RowDropout
from lopa_bench.models.files import ModelFiles, kind_of, locate
from lopa_bench.models.layers import Stretch, layer_list, reading, stretches_of
from lopa_bench.models.loading import cast_weights, load_model
from lopa_bench.models.own_forward import check_own_logits, check_writing, key_shape, shares_beams
from lopa_bench.models.shape import Shape, window_of
from lopa_bench.models.tokens import check_special, load_tokenizer, word_id

_KEY_SHAPES: Shelf[tuple[int, int] | None] = Shelf(64)  # by architecture and config: a pass through all layers each

AUTO_CLASSES = {"masked": AutoModelForMaskedLM, "causal": AutoModelForCausalLM}


def resolve_precision(precision: str, device: torch.device) -> torch.dtype:
    """`auto` takes bf16 where the hardware multiplies it natively: GPUs since Ampere, CPUs with avx512_bf16 or AMX."""
    if precision == "auto":
        gpu, cpu = partial(torch.cuda.is_bf16_supported, including_emulation=False), torch.cpu._is_avx512_bf16_supported
        native = gpu() if device.type == "cuda" else cpu()
        precision = "bf16" if native else "fp32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def rows_of(model: Any) -> int | None:
    """Rows of a model's table of input embeddings; None where code that came with it does not say where that table is."""
    try:
        return len(model.get_input_embeddings().weight)
    except NotImplementedError:
        return None


class Backbone(nn.Module):
    """A masked or causal LM taken apart into embedding, body and all that follows the body.

    Every method may change what goes into the body (a soft prompt), what the body attends to (a prefix) or the body itself
    (LoRA), but embeds and reads out through here. Positions, masks, the head and what scales or caps its logits are the model's own.

    Attributes:
        dropout: in whose block all that trains with this backbone draws its numbers.
        reads_all: compute the last layer everywhere, though only some positions are read: where its modules' hooks are not followed.
        recomputed: what a method adds to `recomputing`.
    """

    reads_all = False
    _read: Tensor | None = None

    def __init__(
        self, model: PreTrainedModel, tokenizer: Any, files: ModelFiles, settings: Model, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.model, self.tokenizer, self.files, self.settings, self.dtype = model, tokenizer, files, settings, dtype
        self.dropout = RowDropout()
        self.recomputed: list[Callable[[], AbstractContextManager[None]]] = []
        self._compiled: tuple[Callable[..., Any], ...] = ()  # in a tuple: not a submodule
        if model.base_model is model:
            raise UserError(f"model.path={files.source}: {type(model).__name__} has no body apart from its LM head")
        if "inputs_embeds" not in inspect.signature(model.base_model.forward).parameters:
            raise UserError(
                f"model.path={files.source}: {type(model).__name__} takes no inputs_embeds, so nothing can be put before its input"
            )

    @classmethod
    def load(
        cls, settings: Model, precision: str, device: torch.device, offline: bool, computing: torch.device | None = None
    ) -> Backbone:
        """Weights and tokenizer of `settings.path`, in fp32, on `device`; `freeze` casts what is not trained.

        Args:
            computing: the device that it will be on when it computes, where that is another.
        """
        files = locate(settings.path, settings.revision, offline)
        kind, trusted = kind_of(settings, files), settings.trust_remote_code
        if device.type == "cpu":
            keep_freed_memory()
        read = partial(load_model, AUTO_CLASSES[kind], "model.path", files, torch.float32, trusted)
        model = shelf.model((files.fingerprint(), kind), read)
        tokenizer = load_tokenizer(files.source, rows=rows_of(model), own_code=files.own_code, **files.options(trusted))
        check_special(tokenizer, kind, f"model.path={files.source}")
        model.generation_config = GenerationConfig()  # the run's settings decide, not the model's preferences
        model.to(device)
        backbone = cls(model, tokenizer, files, settings, resolve_precision(precision, computing or device))
        check_own_logits(backbone)
        if kind == "causal":
            check_writing(backbone)
        _ = backbone.stretches  # found before a method changes the model
        return backbone

    @property
    def config(self) -> Any:
        return self.model.config

    @property
    def device(self) -> torch.device:
        return self.model.device

    @property
    def body(self) -> PreTrainedModel:
        return cast(PreTrainedModel, self.model.base_model)

    @property
    def kind(self) -> Kind:
        return kind_of(self.settings, self.files)

    @property
    def width(self) -> int:
        """D, the width of the input embeddings."""
        embedding: Any = self.model.get_input_embeddings()
        return int(embedding.embedding_dim)

    @property
    def vocabulary(self) -> int:
        """V, the tokens that have a logit."""
        head = self.model.get_output_embeddings()
        return int(head.weight.shape[0]) if head is not None else self.config.vocab_size

    @cached_property
    def key_shape(self) -> tuple[int, int] | None:
        """Heads of a layer's keys (fewer than its attention heads with grouped queries) and their width; None without a cache of them."""
        same = (type(self.model), self.config.to_json_string())
        return _KEY_SHAPES.get(same, lambda: key_shape(self))

    @cached_property
    def shares_beams(self) -> bool:
        """Whether the beams of a row may be read side by side, their common input held once."""
        return shares_beams(self)

    @cached_property
    def stretches(self) -> tuple[Stretch, ...]:
        """What of the last layer is left out where nothing is read."""
        return stretches_of(self)

    def shape(self, encoder_width: int) -> Shape:
        return Shape(
            width=self.width,
            layers=self.config.num_hidden_layers,
            key_width=math.prod(self.key_shape or (0,)),
            encoder_width=encoder_width,
            positions=self.files.positions,
            parameters=self.model.num_parameters(),
            kind=self.kind,
            window=window_of(self.files.config),
        )

    def freeze(self) -> None:
        """No gradients for the backbone; its weights in the run's precision."""
        self.model.requires_grad_(False)
        cast_weights(self.model, self.dtype)

    def word_id(self, word: str) -> int:
        """The token of a label word, or of the word that this model has in its place."""
        return word_id(self.tokenizer, self.settings.label_words.get(word, word))

    def embed(self, input_ids: Tensor) -> Tensor:
        """[B, T] -> [B, T, D]."""
        return self.model.get_input_embeddings()(input_ids)

    @torch.no_grad()
    def embedding_table(self) -> Tensor:
        """[V, D]: what `embed` makes of every token, scaled where the family scales it (Gemma 3)."""
        ids = torch.arange(rows_of(self.model) or 0, device=self.device)
        return torch.cat([self.embed(part.unsqueeze(0))[0] for part in torch.split(ids, 4096)])

    def hidden(
        self, embeds: Tensor | None, attention_mask: Tensor, read: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        """[B, T, D] embedded input -> [B, T, D'] last hidden states; the mask, [B, P + T], covers the P positions of a filled cache too.

        Rows are padded on the right, so that the positions which the model itself counts are right. With `embeds` None the input is
        `input_ids`, [B, T], among the `kwargs`. Of `read`, [N] different positions as row · T + column, ascending, are the states that
        mean anything; None: of all.
        """
        if "past_key_values" not in kwargs and self.kind == "causal":
            kwargs["use_cache"] = False
        body = self._compiled[0] if self._compiled and self.training else self.body
        self._read = None if self.reads_all else read
        with self.reading():
            return body(inputs_embeds=embeds, attention_mask=attention_mask, **kwargs)[0]

    def reading(self) -> AbstractContextManager[None]:
        """The context in which the last layer computes what the pass that is under way reads, and later what it has read."""
        layers = layer_list(self.body, self.config.num_hidden_layers)
        if self._read is None or layers is None:
            return nullcontext()
        return reading(layers[-1], self.stretches, self._read, self.dropout)

    def recomputing(self) -> AbstractContextManager[None]:
        """The context in which what begins now, a part of the pass that is under way, is computed again as it was."""
        every = [self.dropout.again(), self.reading(), *(again() for again in self.recomputed)]

        @contextlib.contextmanager
        def all_of_them() -> Iterator[None]:
            with contextlib.ExitStack() as stack:
                _ = [stack.enter_context(each) for each in every]
                yield

        return all_of_them()

    def compile_body(self) -> None:
        """Let `torch.compile` fuse the body in training; evaluation and generation, of ever new lengths, stay as they are."""
        self._compiled = (torch.compile(self.body, dynamic=True),)

    def head(self, hidden: Tensor) -> Tensor:
        """[..., D'] -> [..., V] logits: the model's own forward from where its body has given `hidden`.

        What a family does beside its LM head (Gemma 2 caps its logits, Granite and Cohere scale them) is so done here too.
        """
        name, body = self.model.base_model_prefix, self.body
        flat = hidden.reshape(1, -1, hidden.shape[-1])
        self.model._modules[name] = Computed(body, flat)
        try:
            logits = self.model.forward(inputs_embeds=flat)[0]
        finally:
            self.model._modules[name] = body
        return logits.reshape(*hidden.shape[:-1], -1)

    @contextlib.contextmanager
    def autocast(self) -> Iterator[None]:
        """bf16 arithmetic around parameters kept in fp32, when the run asks for bf16."""
        if self.dtype != torch.bfloat16 or self.device.type == "meta":  # on meta there are shapes only
            yield
            return
        with torch.autocast(self.device.type, torch.bfloat16):
            yield

    def copy_of_body(self) -> PreTrainedModel:
        """An own copy of the body's weights, for an instance encoder that is trained."""
        return copy.deepcopy(self.body)
