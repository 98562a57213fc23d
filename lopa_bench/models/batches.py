"""Examples into tokens, tokens into batches."""

from __future__ import annotations

import copy
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from lopa_bench.models.tokens import check_blanks, check_targets, cloze_ids, completion_ids, row_ids, word_id
from lopa_bench.tasks.example import Example

_BUCKET = 50  # batches whose rows are sorted by length together


@dataclass(frozen=True, slots=True)
class Row:
    """A tokenised example, small in memory: there may be a million of them.

    Attributes:
        ids: the backbone's input, at most ``train.max_length`` tokens.
        columns: the positions in `ids` whose logits are scored.
        targets: the token that each of those positions should predict.
        encoder_ids: the instance encoder's input; empty when the method reads no instance.
    """

    ids: Sequence[int]
    columns: Sequence[int]
    targets: Sequence[int]
    encoder_ids: Sequence[int] = ()


@dataclass
class Batch:
    """B rows padded to T tokens, with N scored positions in all.

    Attributes:
        index: [B] row numbers in the split.
        input_ids, attention_mask: [B, T].
        rows, columns: [N] where the scored positions are.
        targets: [N] what they should predict.
        features: [B, E] instance features, if the encoder is frozen.
        encoder_ids, encoder_mask: [B, S] the encoder's input, if it is trained.
        read: [N] the positions of `rows` whose last states are all that is read; None: every one's are.
    """

    index: Tensor
    input_ids: Tensor
    attention_mask: Tensor
    rows: Tensor
    columns: Tensor
    targets: Tensor
    features: Tensor | None = None
    encoder_ids: Tensor | None = None
    encoder_mask: Tensor | None = None
    read: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        moved = {k: v.to(device, non_blocking=True) for k, v in vars(self).items() if v is not None}
        return replace(self, **moved)

    def read_among(self, length: int, places: Tensor | int = 0) -> Tensor | None:
        """`read` in an input of `length` positions, [N] as row · length + position; None where it is None.

        Args:
            places: where that input has the positions of `input_ids`: [B, T], or the first of them.
        """
        if self.read is None:
            return None
        where = self.read + places if isinstance(places, int) else places[self.rows, self.read]
        return self.rows * length + where

    def padded_on_the_right(self) -> Batch:
        """The same rows with their padding last, where a model that counts positions by place counts right."""
        order = self.attention_mask.argsort(dim=1, descending=True, stable=True)
        first = self.attention_mask.argmax(dim=1)  # each row's first token
        return replace(
            self,
            input_ids=self.input_ids.gather(1, order),
            attention_mask=self.attention_mask.gather(1, order),
            columns=self.columns - first[self.rows],
        )


def pad(
    sequences: Sequence[Sequence[int]], pad_id: int, side: str = "right", length: int | None = None
) -> tuple[Tensor, Tensor]:
    """Tokens -> ids [B, T] and attention mask [B, T]; T is `length`, or that of the longest of them."""
    length = length or max(map(len, sequences))
    ids = torch.full((len(sequences), length), pad_id)
    mask = torch.zeros(len(sequences), length, dtype=torch.long)
    for i, sequence in enumerate(sequences):
        where = slice(0, len(sequence)) if side == "right" else slice(length - len(sequence), length)
        ids[i, where] = torch.from_numpy(np.asarray(sequence))
        mask[i, where] = 1
    return ids, mask


def encode_clozes(
    tokenizer: Any, examples: Sequence[Example], max_length: int, words: Mapping[str, str] | None = None
) -> list[Row]:
    """One scored position a row: the mask, which should predict the label word.

    Args:
        words: label word -> the one that the model has in its place, for words that are several of its tokens; None: all as they are.
    """
    ids = cloze_ids(tokenizer, [e.input for e in examples], max_length)
    mask = tokenizer.mask_token_id
    return [
        Row(row, (row.index(mask),), target)
        for row, target in zip(ids, _word_targets(tokenizer, examples, words or {}), strict=True)
    ]


def encode_questions(
    tokenizer: Any, examples: Sequence[Example], max_length: int, words: Mapping[str, str]
) -> list[Row]:
    """One scored position a row: the last of an input cut from the left, after which a causal LM should write the label word.

    Args:
        words: as of `encode_clozes`.
    """
    rows = [array("i", row_ids(tokenizer, e.input)[-max_length:]) for e in examples]
    return [
        Row(row, (len(row) - 1,), target)
        for row, target in zip(rows, _word_targets(tokenizer, examples, words), strict=True)
    ]


def _word_targets(tokenizer: Any, examples: Sequence[Example], words: Mapping[str, str]) -> Iterator[tuple[int, ...]]:
    """The token of each example's label word, none of a new input's, whose answer is not known."""
    token = cache(partial(word_id, tokenizer))
    for example in examples:
        yield (token(words.get(example.target, example.target)),) if example.target else ()


def encode_prompts(tokenizer: Any, examples: Sequence[Example], max_length: int, room: int | None) -> list[Row]:
    """Inputs to be continued, cut from the left so that `room` new tokens (None: one) fit into `max_length`."""
    limit = max_length - (room or 1)
    return [Row(array("i", row_ids(tokenizer, e.input)[-limit:]), (), ()) for e in examples]


def encode_completions(tokenizer: Any, examples: Sequence[Example], max_length: int, room: int | None) -> list[Row]:
    """Inputs with their completion and an end token; what is scored are the positions that predict the completion.

    The input is cut from the left to leave `room` tokens (None: as many as its completion has), then all of it from the right.
    """
    some = examples[:: max(1, len(examples) // 200)]
    check_blanks(tokenizer, tokenizer.name_or_path, [text for e in examples[:50] for text in (e.input, e.target)])
    check_targets(tokenizer, tokenizer.name_or_path, [e.target for e in some])
    rows = []
    for example in examples:
        completion = [*completion_ids(tokenizer, example.target), tokenizer.eos_token_id]
        limit = max(1, max_length - (room or len(completion)))
        prompt = row_ids(tokenizer, example.input)[-limit:]
        ids = (prompt + completion)[:max_length]
        first = len(prompt)
        rows.append(Row(array("i", ids[:-1]), range(first - 1, len(ids) - 1), array("i", ids[first:])))
    return rows


class Split:
    """The rows of one split, or a part of it, padded on `side`.

    Attributes:
        numbers: [rows] of the whole split's rows.
        features: [rows, E], with a frozen instance encoder.
        cut: how many rows are the part of a longer text, for the backbone or for the instance encoder.
    """

    def __init__(self, rows: Sequence[Row], pad_id: int, encoder_pad_id: int = 0, side: str = "right") -> None:
        self.rows, self.pad_id, self.encoder_pad_id, self.side = rows, pad_id, encoder_pad_id, side
        self.numbers = torch.arange(len(rows))
        self.features: Tensor | None = None
        self.cut = 0

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, index: Sequence[int]) -> Split:
        """Only these rows, numbered anew."""
        if len(index) == len(self):
            return self
        part = copy.copy(self)
        part.rows = [self.rows[i] for i in index]
        part.numbers = self.numbers[list(index)]
        part.features = None if self.features is None else self.features[list(index)]
        return part

    def with_features(self, features: Tensor) -> Split:
        """The same rows with these features, [rows, E], in place of what an encoder reads."""
        split = copy.copy(self)
        split.features = features
        return split

    def batch(self, index: Sequence[int], beside: Sequence[int] = ()) -> Batch:
        """The batch of these rows, as long as if those `beside` were among them."""
        rows = [self.rows[i] for i in index]
        length = max(len(self.rows[i].ids) for i in (*index, *beside))
        input_ids, attention_mask = pad([row.ids for row in rows], self.pad_id, self.side, length)
        batch = Batch(
            index=torch.tensor(index),
            input_ids=input_ids,
            attention_mask=attention_mask,
            rows=torch.tensor([i for i, row in enumerate(rows) for _ in row.columns], dtype=torch.long),
            columns=torch.tensor([column for row in rows for column in row.columns], dtype=torch.long),
            targets=torch.tensor([target for row in rows for target in row.targets], dtype=torch.long),
        )
        if self.features is not None:
            batch.features = self.features[batch.index]
        elif rows[0].encoder_ids:
            batch.encoder_ids, batch.encoder_mask = pad([row.encoder_ids for row in rows], self.encoder_pad_id)
        return batch

    def shuffled(self, batch_size: int, seed: int, epoch: int, bucket: bool) -> list[list[int]]:
        """Row numbers of one epoch's batches, a function of seed and epoch.

        With `bucket`, each stretch of 50 batches is sorted by length before it is cut, and the batches are shuffled again: rows of like
        length meet, so little is padded, while every row's batch is still random.
        """
        generator = torch.Generator().manual_seed(seed * 1_000_003 + epoch)
        order = torch.randperm(len(self), generator=generator).tolist()
        if not bucket:
            return [order[i : i + batch_size] for i in range(0, len(order), batch_size)]
        batches = []
        for start in range(0, len(order), batch_size * _BUCKET):
            stretch = sorted(order[start : start + batch_size * _BUCKET], key=lambda i: len(self.rows[i].ids))
            batches += [stretch[i : i + batch_size] for i in range(0, len(stretch), batch_size)]
        return [batches[i] for i in torch.randperm(len(batches), generator=generator).tolist()]

    def by_length(self, batch_size: int, fits: Callable[[list[int]], bool] = lambda rows: True) -> Iterator[Batch]:
        """All rows once, longest first (a batch that does not fit in memory fails at the start).

        Args:
            fits: whether these rows may be one batch; one row always may.
        """
        rows: list[int] = []
        for row in sorted(range(len(self)), key=lambda i: -len(self.rows[i].ids)):
            if rows and (len(rows) == batch_size or not fits([*rows, row])):
                yield self.batch(rows)
                rows = []
            rows.append(row)
        if rows:
            yield self.batch(rows)
