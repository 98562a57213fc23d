"""How new tokens are found, on top of transformers' own `generate`: greedy, beam search, and sampling that a row does alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional as F
from transformers import Cache, GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.generation import (
    StoppingCriteriaList,
    StopStringCriteria,
    TemperatureLogitsWarper,
    TopPLogitsWarper,
)

if TYPE_CHECKING:
    from lopa_bench.backbone import Backbone
    from lopa_bench.schema import Generation


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
        """New tokens, [B · n, T_new], after the rows `index`, n neighbours a row.

        Args:
            embeds, mask: embedded input [B · n, M + T, D] and mask [B · n, P + M + T], P the positions of `past`.
        """
        tokenizer = backbone.tokenizer
        beams = self.settings.num_beams if self.settings.decoding == "beam" else 1
        if past is not None:
            # `generate` takes embeddings for every position and drops those that the cache already holds.
            embeds = F.pad(embeds, (0, 0, past.get_seq_length(), 0))
            past.batch_repeat_interleave(beams)
        return backbone.model.generate(
            inputs_embeds=embeds,
            attention_mask=mask,
            # Positions count attended tokens, so that padding, which stands between a soft prompt and the input, moves none.
            position_ids=backbone.position_ids(mask),
            past_key_values=past,
            generation_config=GenerationConfig(
                max_new_tokens=self.max_new_tokens,
                do_sample=False,
                num_beams=beams,
                length_penalty=self.settings.length_penalty,
                eos_token_id=tokenizer.eos_token_id,
                pad_token_id=tokenizer.pad_token_id,
            ),
            logits_processor=self._sampler(index),
            stopping_criteria=stop_at(tokenizer, self.stop_words),
        )

    def _sampler(self, index: Tensor) -> LogitsProcessorList:
        if self.settings.decoding != "sample":
            return LogitsProcessorList()
        draws = torch.stack(
            [
                torch.rand(self.max_new_tokens, generator=torch.Generator().manual_seed(self._row_seed(row, sample)))
                for row, sample in zip(index.tolist(), self._sample_numbers(len(index)), strict=True)
            ]
        )
        return LogitsProcessorList(
            [
                TemperatureLogitsWarper(self.settings.temperature),
                TopPLogitsWarper(self.settings.top_p),
                DrawToken(draws.to(index.device)),
            ]
        )

    def _sample_numbers(self, rows: int) -> list[int]:
        return [i % self.num_samples for i in range(rows)]

    def _row_seed(self, row: int, sample: int) -> int:
        return (self.seed * 1_000_003 + row) * 10_007 + sample


@lru_cache(maxsize=4)
def stop_at(tokenizer: Any, words: tuple[str, ...]) -> StoppingCriteriaList:
    """Ends each row at the token that completes one of `words`. Kept, since making it reads the whole vocabulary."""
    return StoppingCriteriaList([StopStringCriteria(tokenizer, list(words))] if words else [])


class DrawToken(LogitsProcessor):
    """Leaves one token a row, drawn from the row's distribution with the row's own random numbers.

    `torch.multinomial`, which `generate` uses, draws for a whole batch at once: there a row's text depends on its neighbours.
    """

    def __init__(self, draws: Tensor) -> None:
        self.draws = draws  # [rows, steps], uniform in [0, 1)

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """[rows, V] scores -> the same with all but the drawn token at -inf; `input_ids` are the new tokens so far."""
        cumulative = scores.double().softmax(-1).cumsum(-1)
        draw = self.draws[:, input_ids.shape[1], None].double() * cumulative[:, -1:]
        chosen = torch.searchsorted(cumulative, draw, right=True)
        return torch.full_like(scores, -torch.inf).scatter(1, chosen, 0.0)


def new_text(tokenizer: Any, ids: list[int], budget: int, stop_words: list[str]) -> str:
    """The text of a row's new tokens: at most `budget` of them, up to the end token and the first stop word."""
    ids = ids[:budget]
    if tokenizer.eos_token_id in ids:
        ids = ids[: ids.index(tokenizer.eos_token_id)]
    text = tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    ends = [position for word in stop_words if (position := text.find(word)) >= 0]
    return text[: min(ends, default=len(text))]
