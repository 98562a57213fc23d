"""How new tokens are found, on top of transformers' own `generate`: greedy, beam search, and sampling that a row does alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Cache, DynamicCache, GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.generation.logits_process import TemperatureLogitsWarper
from transformers.generation.stopping_criteria import StoppingCriteriaList, StopStringCriteria

from lopa_bench.errors import NotFinite
from lopa_bench.models.kv_cache import SharedByBeams, can_share, fill, with_room

if TYPE_CHECKING:
    from lopa_bench.config.schema import Generation
    from lopa_bench.models.backbone import Backbone


@dataclass(frozen=True)
class GenerationSpec:
    """How to continue a batch.

    Attributes:
        settings: decoding and its parameters.
        stop_words: a row ends with the token that completes one of them.
        max_new_tokens: of the longest row.
        seed: of the run; with a row's number and a sample's it determines that sample.
    """

    settings: Generation
    stop_words: tuple[str, ...]
    max_new_tokens: int
    seed: int

    @property
    def num_samples(self) -> int:
        return self.settings.num_samples

    def decode(self, backbone: Backbone, embeds: Tensor, mask: Tensor, past: Cache | None, index: Tensor) -> Tensor:
        """New tokens, [B · n, T_new], after the rows `index`, [B]; a row's n samples side by side.

        Args:
            embeds, mask: embedded input [B, M + T, D] and mask [B, P + M + T], P the positions of `past`.

        Raises:
            NotFinite: logits that are NaN or infinite.
        """
        tokenizer = backbone.tokenizer
        beams = self.settings.num_beams if self.settings.decoding == "beam" else 1
        # `generate` takes embeddings for every position and drops those that the cache already holds.
        padded = F.pad(embeds, (0, 0, mask.shape[1] - embeds.shape[1], 0))
        past = DynamicCache(config=backbone.config) if past is None else past
        if self.num_samples * beams > 1 and embeds.shape[1] > 1:  # the input is read once for all samples and beams
            fill(backbone, embeds, mask, past)
        past, reading = self._for_all(past, mask, beams, backbone)
        embeds, mask, index = (each.repeat_interleave(self.num_samples, dim=0) for each in (padded, mask, index))
        watch = Watch()
        with reading, _last_states_side_by_side(backbone):
            new = backbone.model.generate(  # type: ignore[operator]
                inputs_embeds=embeds,
                attention_mask=mask,
                past_key_values=past,
                generation_config=GenerationConfig(
                    max_new_tokens=self.max_new_tokens,
                    do_sample=False,
                    num_beams=beams,
                    length_penalty=self.settings.length_penalty,
                    **ends_of(tokenizer),
                ),
                logits_processor=LogitsProcessorList([watch, *self._sampler(index)]),
                stopping_criteria=stop_at(tokenizer, self.stop_words),
                synced_gpus=False,  # the processes of a run write texts of their own, not in step
            )
        if watch.broken is not None and watch.broken.item():
            raise NotFinite("logits of new tokens are")
        return new

    def _for_all(
        self, past: Cache, mask: Tensor, beams: int, backbone: Backbone
    ) -> tuple[Cache, AbstractContextManager[None]]:
        """The cache that all samples and beams of a row go on from, and the context in which the model reads it."""
        if beams > 1 and self.num_samples == 1 and can_share(past) and backbone.shares_beams:
            shared = SharedByBeams(past, mask[:, :-1], beams)
            return shared, shared.read_by(backbone.model)
        past.batch_repeat_interleave(self.num_samples * beams)
        return with_room(past), nullcontext()

    def _sampler(self, index: Tensor) -> LogitsProcessorList:
        if self.settings.decoding != "sample":
            return LogitsProcessorList()
        draws = torch.stack(
            [
                torch.rand(self.max_new_tokens, generator=torch.Generator().manual_seed(self.row_seed(row, sample)))
                for row, sample in zip(index.tolist(), (i % self.num_samples for i in range(len(index))), strict=True)
            ]
        )
        return LogitsProcessorList(
            [
                TemperatureLogitsWarper(self.settings.temperature),
                DrawToken(draws.to(index.device), self.settings.top_p),
            ]
        )

    def row_seed(self, row: int, sample: int) -> int:
        return ((self.seed * 1_000_003 + row) * 10_007 + sample) % 2**63  # torch takes 64 bits


@contextmanager
def _last_states_side_by_side(backbone: Backbone) -> Iterator[None]:
    """Inside, the head gets the last states of a batch, [B, 1, D'], as a tensor of their own, not as a view into those of all positions.

    Of rows that lie apart and a matrix without gradient PyTorch makes a batch of products, on a CPU with a copy of the matrix for each
    (pytorch/pytorch#151934): for 64 rows, width 576 and 49,152 tokens 3.5 GB, and in bf16 two hundred times the seconds.
    """
    head = backbone.model.get_output_embeddings()
    if head is None:
        yield
        return
    hook = head.register_forward_pre_hook(lambda module, args: (args[0].contiguous(), *args[1:]))
    try:
        yield
    finally:
        hook.remove()


def ends_of(tokenizer: Any) -> dict[str, int]:
    """What `generate` must be told of a tokenizer to end a text where our runs end it."""
    return {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}


@lru_cache(maxsize=4)
def stop_at(tokenizer: Any, words: tuple[str, ...]) -> StoppingCriteriaList:
    """Ends each row at the token that completes one of `words`. Kept, since making it reads the whole vocabulary."""
    return StoppingCriteriaList([StopStringCriteria(tokenizer, list(words))] if words else [])


class Watch(LogitsProcessor):
    """Notes, without waiting for the device, whether a row's largest logit was NaN or infinite (-inf alone: a token that is forbidden)."""

    def __init__(self) -> None:
        self.broken: Tensor | None = None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        broken = ~scores.amax(-1).isfinite().all()
        self.broken = broken if self.broken is None else self.broken | broken
        return scores


class DrawToken(LogitsProcessor):
    """Leaves one token a row, drawn from the row's `top_p` nucleus (Holtzman et al. 2020) with the row's own random numbers.

    `torch.multinomial`, which `generate` uses, draws for a whole batch at once: there a row's text depends on its neighbours.
    """

    def __init__(self, draws: Tensor, top_p: float) -> None:
        self.draws, self.top_p = draws, top_p  # [rows, steps], uniform in [0, 1)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """[rows, V] scores -> the same with all but the drawn token at -inf; `input_ids` are the new tokens so far."""
        chosen = input_ids.new_empty(len(scores), 1)
        for rows, tokens, weights in nuclei(scores, self.top_p):
            cumulative = weights.double().cumsum(-1)
            draw = self.draws[rows, input_ids.shape[1], None].double() * cumulative[:, -1:]
            place = torch.searchsorted(cumulative, draw, right=True).clamp(
                max=tokens.shape[1] - 1
            )  # beyond it only where NaN
            chosen[rows] = tokens.gather(1, place)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)


def nuclei(scores: Tensor, top_p: float) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """The fewest most probable tokens that hold `top_p` of a row: row numbers, tokens by number, their probabilities; [n], [n, k], [n, k].

    A row comes with the least of three widths k that holds its nucleus; tokens beyond it have probability zero. Sorting the whole
    vocabulary, which is most of a step's time, is left to the few rows whose distribution is flat.
    """
    probabilities, vocabulary = scores.softmax(-1), scores.shape[-1]
    rows = torch.arange(len(scores), device=scores.device)
    for k in (256, 4096, vocabulary):
        weights, tokens = probabilities[rows].topk(min(k, vocabulary))
        before = weights.cumsum(-1) - weights
        found = before[:, -1] >= top_p if k < vocabulary else torch.ones_like(rows, dtype=torch.bool)
        tokens, order = tokens[found].sort(-1)
        yield rows[found], tokens, (weights * (before < top_p))[found].gather(-1, order)
        rows = rows[~found]
        if not len(rows):
            return
