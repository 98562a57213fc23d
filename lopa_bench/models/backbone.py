"""The pretrained model: loading it, and the three steps every method shares: embed tokens, run the body, apply the head."""

from __future__ import annotations

import contextlib
import copy
import inspect
import math
import warnings
from collections.abc import Callable, Iterator
from typing import Any, cast

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForMaskedLM, GenerationConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from lopa_bench.config.fields import Kind
from lopa_bench.config.schema import Model
from lopa_bench.errors import UserError
from lopa_bench.host.device import keep_freed_memory
from lopa_bench.models import shelf
from lopa_bench.models.files import ModelFiles, locate
from lopa_bench.models.hub import loading
from lopa_bench.models.shape import Shape
from lopa_bench.models.tokens import check_blanks, load_tokenizer

transformers_logging.disable_progress_bar()  # a run shows its own
transformers_logging.set_verbosity_error()

AUTO_CLASSES = {"masked": AutoModelForMaskedLM, "causal": AutoModelForCausalLM}

# These count positions from padding_idx + 1 (fairseq's convention).
_POSITIONS_AFTER_PADDING = {"roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "data2vec-text"}


def resolve_precision(precision: str, device: torch.device) -> torch.dtype:
    """`auto` takes bf16 where the hardware multiplies it natively: GPUs since Ampere, CPUs with avx512_bf16 or AMX."""
    if precision == "auto":
        native = torch.cuda.is_bf16_supported() if device.type == "cuda" else torch.cpu._is_avx512_bf16_supported()
        precision = "bf16" if native else "fp32"
    return torch.bfloat16 if precision == "bf16" else torch.float32


def checkpoint_layers(model: PreTrainedModel) -> None:
    """Keep only the inputs of the layers for the backward pass, which computes the rest again, dropout included.

    Raises:
        UserError: an architecture whose layers transformers cannot checkpoint.
    """
    if not model.supports_gradient_checkpointing:
        raise UserError(f"train.gradient_checkpointing=true: {type(model).__name__} does not support it")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # transformers 5 renames it on the way to 6
        model.gradient_checkpointing_enable({"use_reentrant": False})


def kind_of(settings: Model, files: ModelFiles) -> Kind:
    return files.kind if settings.kind == "auto" else settings.kind


class Backbone(nn.Module):
    """A masked or causal LM taken apart into embedding, body and head.

    Every method may change what goes into the body (a soft prompt), what the body attends to (a prefix) or the body itself
    (LoRA), but embeds and reads out through here.
    """

    def __init__(
        self, model: PreTrainedModel, tokenizer: Any, files: ModelFiles, settings: Model, dtype: torch.dtype
    ) -> None:
        super().__init__()
        self.model, self.tokenizer, self.files, self.settings, self.dtype = model, tokenizer, files, settings, dtype
        self._compiled: tuple[Callable[..., Any], ...] = ()  # in a tuple: not a submodule
        heads = [name for name, child in model.named_children() if child is not model.base_model]
        if len(heads) != 1:
            raise UserError(
                f"model.path={files.source}: {type(model).__name__} has no single LM head to read at chosen positions"
            )
        self._head = heads[0]
        if "inputs_embeds" not in inspect.signature(model.base_model.forward).parameters:
            raise UserError(
                f"model.path={files.source}: {type(model).__name__} takes no inputs_embeds, so nothing can be put before its input"
            )

    @classmethod
    def load(cls, settings: Model, precision: str, device: torch.device, offline: bool) -> Backbone:
        """Weights and tokenizer of `settings.path`, in fp32, on `device`; `freeze` casts what is not trained."""
        files = locate(settings.path, settings.revision, offline)
        options = files.options(settings.trust_remote_code)
        kind = kind_of(settings, files)
        if device.type == "cpu":
            keep_freed_memory()
        load = AUTO_CLASSES[kind].from_pretrained
        with loading("model.path", files):
            model = shelf.model((files.fingerprint(), kind), lambda: load(files.source, dtype=torch.float32, **options))
            tokenizer = load_tokenizer(files.source, **options)
        model.generation_config = GenerationConfig()  # the run's settings decide, not the model's preferences
        if kind == "causal":
            check_blanks(tokenizer, files.source)
        return cls(model.to(device), tokenizer, files, settings, resolve_precision(precision, device))

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
    def key_shape(self) -> tuple[int, int]:
        """Key/value heads of a layer (fewer than its attention heads with grouped queries) and their width."""
        config = self.config
        heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
        return heads, getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads

    def shape(self, encoder_width: int) -> Shape:
        return Shape(
            width=self.width,
            layers=self.config.num_hidden_layers,
            key_width=math.prod(self.key_shape),
            encoder_width=encoder_width,
            positions=self.files.positions,
            parameters=self.model.num_parameters(),
        )

    def freeze(self) -> None:
        """No gradients for the backbone; its weights in the run's precision."""
        self.model.requires_grad_(False)
        self.model.to(self.dtype)  # type: ignore[arg-type]  # transformers' wrapper hides the overloads

    def embed(self, input_ids: Tensor) -> Tensor:
        """[B, T] -> [B, T, D]."""
        return self.model.get_input_embeddings()(input_ids)

    def position_ids(self, attention_mask: Tensor) -> Tensor:
        """[B, T] -> [B, T]: positions counted over the tokens attended to, so that padding on either side moves none."""
        positions = (attention_mask.cumsum(1) - 1).clamp(min=0)
        if self.config.model_type in _POSITIONS_AFTER_PADDING:
            positions = positions + self.config.pad_token_id + 1
        return positions

    def hidden(self, embeds: Tensor, attention_mask: Tensor, **kwargs: Any) -> Tensor:
        """[B, T, D] embedded input -> [B, T, D'] last hidden states; the mask, [B, P + T], covers the P positions of a filled cache too."""
        kwargs.setdefault("position_ids", self.position_ids(attention_mask)[:, -embeds.shape[1] :])
        if "past_key_values" not in kwargs and self.kind == "causal":
            kwargs["use_cache"] = False
        body = self._compiled[0] if self._compiled and self.training else self.body
        return body(inputs_embeds=embeds, attention_mask=attention_mask, **kwargs)[0]

    def compile_body(self) -> None:
        """Let `torch.compile` fuse the body in training; evaluation and generation, of ever new lengths, stay as they are.

        Dropout draws the numbers that it would draw uncompiled.
        """
        self._compiled = (torch.compile(self.body, dynamic=True, options={"fallback_random": True}),)

    def head(self, hidden: Tensor) -> Tensor:
        """[..., D'] -> [..., V] logits."""
        return getattr(self.model, self._head)(hidden)

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
