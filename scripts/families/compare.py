"""A family's logits under every kind of method, beside transformers' own forward of the same rows alone and unpadded."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import torch
from torch import Tensor
from transformers import DynamicCache, LogitsProcessor, LogitsProcessorList

from families.build import END, PAD
from lopa_bench.config.fields import Kind
from lopa_bench.config.schema import Model
from lopa_bench.errors import UserError, in_a_line
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.adapter import Adapter
from lopa_bench.methods.base import Method
from lopa_bench.methods.lopa import Lopa
from lopa_bench.methods.lora import Lora
from lopa_bench.methods.prefix import PTuningV2
from lopa_bench.methods.prompt_tuning import PromptTuning
from lopa_bench.methods.whole_model import Untouched
from lopa_bench.models.backbone import Backbone, rows_of
from lopa_bench.models.batches import Batch, Row, Split
from lopa_bench.models.decoding import GenerationSpec
from lopa_bench.models.files import ModelFiles
from lopa_bench.models.own_forward import check_own_logits, check_writing

M, NEW = 4, 4  # virtual tokens, new tokens
LENGTHS = (9, 5, 7)
TOLERANCE = 1e-3  # of the logits' standard deviation
METHODS: dict[str, Method] = {
    "untouched": Untouched(name="none"),
    "soft prompt": PromptTuning(name="pt", num_virtual_tokens=M),
    "instance prompt": Lopa(
        name="lopa",
        num_virtual_tokens=M,
        head_size=8,
        dropout=0.0,
        pooling="mean",
        freeze_encoder=True,
        rank=2,
        combine="gate",
    ),
    "prefix": PTuningV2(name="p_tuning_v2", num_virtual_tokens=M, prefix_reads="mask"),
    "LoRA": Lora(name="lora", rank=2, alpha=4.0, dropout=0.0),
    "adapter": Adapter(name="adapter", bottleneck=4),
}
WRITING = {"greedy": (1, 1), "samples": (2, 1), "beams": (1, 3)}  # samples and beams of a row


@dataclass
class Verdict:
    """What was found of one family.

    Attributes:
        wrong: what differs from transformers' own logits without being refused: must stay empty.
        refused: method or "all" -> why, in a user's words.
        right: the methods whose logits are the model's own.
    """

    kind: Kind
    family: str
    right: list[str] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)


def judge(kind: Kind, family: str, model: Any, methods: dict[str, Method] = METHODS) -> Verdict:
    """Every method on a random `model` of `family`."""
    verdict = Verdict(kind, family)
    try:
        backbone = backbone_of(kind, family, model)
        check_own_logits(backbone)
        if kind == "causal":
            check_writing(backbone)
    except UserError as error:
        verdict.refused["all"] = str(error)
        return verdict
    for name, method in methods.items():
        torch.manual_seed(0)
        try:
            adapted = method.adapt(copy.deepcopy(backbone)).eval()
            differing = [what for what, same in _checks(adapted, name) if not same]
        except UserError as error:
            verdict.refused[name] = str(error)
        except Exception as error:
            verdict.wrong[name] = in_a_line(error, kind=True)[:150]
        else:
            if differing:
                verdict.wrong[name] = ", ".join(differing)
            else:
                verdict.right.append(name)
    return verdict


class _Tokenizer:
    pad_token_id, eos_token_id = PAD, END


def backbone_of(kind: Kind, family: str, model: Any) -> Backbone:
    settings = Model(
        name=family, path=family, revision=None, kind=kind, encoder="backbone", encoder_revision=None, lora_targets=None
    )
    return Backbone(model, _Tokenizer(), ModelFiles(family, None, None, True), settings, torch.float32)


@torch.no_grad()
def _checks(adapted: AdaptedModel, name: str) -> Iterator[tuple[str, bool]]:
    """What is compared, and whether it is the same."""
    generator = torch.Generator().manual_seed(1)
    for parameter in adapted.trainable().values():  # what starts at zero has an effect
        parameter.add_(0.1 * torch.randn(parameter.shape, generator=generator))
    vocabulary = rows_of(adapted.backbone.model) or 0
    rows = [
        Row(ids, [n - 3, n - 2], [0, 0])
        for n in LENGTHS
        for ids in [torch.randint(4, vocabulary, (n,), generator=generator).tolist()]
    ]
    if name == "prefix" and adapted.backbone.kind == "causal":
        before = _prefix_of_tokens(adapted, torch.randint(4, vocabulary, (1, M), generator=generator))
    else:
        before = None
    together = _batch(adapted, rows)
    own = [_own(adapted, _batch(adapted, [row]), before) for row in rows]
    scored = torch.cat([logits[list(row.columns)] for logits, row in zip(own, rows, strict=True)])
    alone = torch.cat([adapted(_batch(adapted, [row])) for row in rows])
    yield "a row alone", _same(alone, scored)
    yield "a padded batch", _same(adapted(together), scored)
    if adapted.backbone.kind == "causal":
        for how, (samples, beams) in WRITING.items():
            yield f"writing ({how})", _writes(adapted, rows, before, samples, beams)


def _batch(adapted: AdaptedModel, rows: list[Row], side: str = "right") -> Batch:
    split = Split(rows, PAD, side=side)
    if adapted.encoder is not None:
        split.features = torch.stack(
            [torch.tensor(row.ids[:1]) * torch.ones(adapted.encoder.width) / 64 for row in rows]
        )
    return split.batch(range(len(rows)))


def _own(adapted: AdaptedModel, batch: Batch, before: Tensor | None, more: Tensor | None = None) -> Tensor:
    """[T, V]: transformers' own logits of one unpadded row behind its soft prompt or the tokens `before`; `more`, [1, n], follow it."""
    model, backbone = adapted.backbone.model, adapted.backbone
    new = batch.input_ids[:, :0] if more is None else more
    if before is not None:  # the prefix is these tokens' keys and values
        return model(input_ids=torch.cat([before, batch.input_ids, new], 1)).logits[0, M:].float()
    past = adapted.past(batch)
    if past is not None:
        mask = torch.ones(1, M + batch.input_ids.shape[1], dtype=torch.long)
        hidden = backbone.body(input_ids=batch.input_ids, attention_mask=mask, past_key_values=past)[0]
        return backbone.head(hidden)[0].float()
    embeds, _ = adapted.inputs(batch)
    added = embeds.shape[1] - batch.input_ids.shape[1]
    if not added:
        return model(input_ids=torch.cat([batch.input_ids, new], 1)).logits[0].float()
    return model(inputs_embeds=torch.cat([embeds, backbone.embed(new)], 1)).logits[0, added:].float()


def _prefix_of_tokens(adapted: AdaptedModel, tokens: Tensor) -> Tensor:
    """Make the prefix the keys and values of `tokens`, [1, M], which a causal LM then reads as if they stood before the input."""
    cache = DynamicCache()
    adapted.backbone.body(input_ids=tokens, past_key_values=cache, use_cache=True)
    layers: list[Any] = cache.layers
    kept = torch.stack([torch.stack([layer.keys[0], layer.values[0]]) for layer in layers])  # [L, 2, heads, M, width]
    parts: Any = adapted.parts
    parts.z.copy_(kept.permute(3, 0, 1, 2, 4).flatten(1))
    return tokens


class _Recorder(LogitsProcessor):
    def __init__(self) -> None:
        self.steps: list[Tensor] = []

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        self.steps.append(scores.clone())
        return scores


@dataclass(frozen=True)
class _Recorded(GenerationSpec):
    recorder: Any = None

    def _sampler(self, index: Tensor) -> LogitsProcessorList:
        return LogitsProcessorList([self.recorder, *super()._sampler(index)])


def _writes(adapted: AdaptedModel, rows: list[Row], before: Tensor | None, samples: int, beams: int) -> bool:
    """Whether each step's logits, of rows padded into one batch, are the model's own for all that was written until then."""
    decoding = "beam" if beams > 1 else "sample" if samples > 1 else "greedy"
    settings: Any = SimpleNamespace(
        decoding=decoding, num_samples=samples, num_beams=beams, temperature=1.0, top_p=1.0, length_penalty=1.0
    )
    recorder = _Recorder()
    spec = _Recorded(settings, (), NEW, 0, recorder)
    asked = [Row(row.ids, (), ()) for row in rows]
    new = adapted.generate(_batch(adapted, asked, side="left"), spec)
    if beams > 1:  # the text of beam search is that of the row alone, without what its beams share
        return all(_beam(adapted, row, before, beams, text) for row, text in zip(asked, new, strict=True))
    for i, text in enumerate(new):
        end = (text == END).nonzero()
        length = int(end[0]) + 1 if len(end) else len(text)
        row = rows[i // samples]
        own = _own(adapted, _batch(adapted, [Row(row.ids, (), ())]), before, text[None, : length - 1])[
            len(row.ids) - 1 :
        ]
        if not _same(torch.stack([step[i] for step in recorder.steps[:length]]), own):
            return False
    return True


def _beam(adapted: AdaptedModel, row: Row, before: Tensor | None, beams: int, text: Tensor) -> bool:
    batch = _batch(adapted, [row])
    embeds = adapted.inputs(batch)[0]
    if before is not None:
        embeds = torch.cat([adapted.backbone.embed(before), embeds], 1)
    model: Any = adapted.backbone.model
    own = model.generate(
        inputs_embeds=embeds, attention_mask=torch.ones(embeds.shape[:2], dtype=torch.long), max_new_tokens=NEW, num_beams=beams,
        do_sample=False, pad_token_id=PAD, eos_token_id=END, use_cache=False,
    )[0]  # fmt: skip
    return _until_end(text) == _until_end(own)


def _until_end(text: Tensor) -> list[int]:
    ids = [i for i in text.tolist() if i != PAD]
    return ids[: ids.index(END)] if END in ids else ids


def _same(ours: Tensor, own: Tensor) -> bool:
    return ours.shape == own.shape and bool((ours.float() - own).abs().max() <= TOLERANCE * own.std())
