"""Training loops to measure: ours as a run uses it, and ours made to work as other code does."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
from collections.abc import Iterator, Sequence
from types import MethodType
from typing import Any

import torch
from contest.flops import counted_flops
from torch import Tensor
from torch.nn import functional as F

from lopa_bench.config.schema import Config
from lopa_bench.host.device import default_device, seed_everything
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.backbone import Backbone
from lopa_bench.models.batches import Batch, Row, Split, encode_clozes, encode_completions
from lopa_bench.models.tokens import encoder_ids
from lopa_bench.results.directory import RunDirectory
from lopa_bench.run.checkpoint import Checkpoints
from lopa_bench.run.inputs import encode
from lopa_bench.run.monitor import Monitor
from lopa_bench.run.records import read_records
from lopa_bench.run.speed import speed_up
from lopa_bench.run.train import train
from lopa_bench.tasks.example import Example

Order = list[list[int]]  # row numbers by batch


@dataclasses.dataclass(frozen=True)
class Rows:
    """A task's training examples, tokenised once to know their lengths."""

    examples: list[Example]
    lengths: list[int]

    @classmethod
    def of(cls, config: Config) -> Rows:
        from transformers import AutoTokenizer

        examples, tokens = (
            config.task.examples(read_records(config).train),
            AutoTokenizer.from_pretrained(config.model.path),
        )
        if config.generation is None:
            rows = encode_clozes(tokens, examples, config.text_length)
        else:
            rows = encode_completions(tokens, examples, config.text_length, config.generation.max_new_tokens)
        return cls(examples, [len(row.ids) for row in rows])

    def bucketed(self, size: int) -> Order:
        """The batches of our first epoch."""
        return self._as_split().shuffled(size, seed=0, epoch=0, bucket=True)

    def random(self, size: int) -> Order:
        return self._as_split().shuffled(size, seed=0, epoch=0, bucket=False)

    def grouped(self, size: int) -> Order:
        """The batches of Trainer's group_by_length."""
        from transformers.trainer_pt_utils import get_length_grouped_indices

        order = get_length_grouped_indices(self.lengths, size, generator=torch.Generator().manual_seed(0))
        return [order[i : i + size] for i in range(0, len(order), size)]

    def _as_split(self) -> Split:
        return Split([Row([0] * length, [], [], []) for length in self.lengths], 0)

    def sample(self, order: Order, count: int) -> Order:
        """`count` of an epoch's batches that stand for all: sorted by padded length, the middle one of each of `count` equal parts."""
        full = [batch for batch in order if len(batch) == len(order[0])]
        full.sort(key=lambda batch: max(self.lengths[i] for i in batch))
        return [full[(2 * i + 1) * len(full) // (2 * count)] for i in range(count)]


class Chosen(Split):
    """The rows of `split`, whose epoch is the batches that were chosen for it."""

    def __init__(self, split: Split, batches: Order) -> None:
        super().__init__(split.rows, split.pad_id, split.encoder_pad_id, split.side)
        self.features, self.batches = split.features, batches

    def shuffled(self, *_: Any) -> Order:
        return self.batches


class Padded(Chosen):
    """As the authors' code pads for MBPP: the input to 581 tokens and the encoder's to 512, every one."""

    tokens, encoder_tokens = 581, 512

    def batch(self, index: Sequence[int], beside: Sequence[int] = ()) -> Batch:
        batch = super().batch(index, beside)
        more = self.tokens - batch.input_ids.shape[1]
        batch.input_ids = F.pad(batch.input_ids, (0, more), value=self.pad_id)
        batch.attention_mask = F.pad(batch.attention_mask, (0, more))
        if batch.encoder_ids is not None and batch.encoder_mask is not None:
            more = self.encoder_tokens - batch.encoder_ids.shape[1]
            batch.encoder_ids = F.pad(batch.encoder_ids, (0, more), value=self.encoder_pad_id)
            batch.encoder_mask = F.pad(batch.encoder_mask, (0, more))
        return batch


class Loop:
    """Our training loop on chosen batches. Calling it trains one epoch and gives examples per second.

    The time in which a frozen encoder computed its features is counted, divided by the epochs that a run has of it.

    Args:
        split: how batches are made. re_encode: the frozen encoder reads every batch anew. fused: AdamW in one kernel.
        everywhere: logits of every position, as a transformers model computes them for `labels`.
    """

    def __init__(
        self,
        config: Config,
        rows: Rows,
        order: Order,
        split: type[Chosen] = Chosen,
        re_encode: bool = False,
        fused: bool = True,
        everywhere: bool = False,
    ) -> None:
        seed_everything(0)
        backbone = Backbone.load(config.model, config.precision, default_device(), offline=True)
        self.config, self.model, self.fused = config, config.method.adapt(backbone), fused
        speed_up(self.model, config.train, Processes())
        if everywhere:
            vars(self.model)["loss"] = MethodType(loss_of_logits_everywhere, self.model)
        examples = [rows.examples[i] for batch in order for i in batch]
        encoded: list[Split] = []
        started = time.perf_counter()
        flops = counted_flops(lambda: encoded.append(encode(self.model, config, examples, training=True)))
        self.prepared_s, self.prepared_flops = (
            spent / config.train.epochs for spent in (time.perf_counter() - started, flops)
        )
        if re_encode:
            self._read_by_encoder(encoded[0], [example.input for example in examples])
            self.prepared_s = self.prepared_flops = 0.0
        size = len(order[0])
        self.split = split(encoded[0], [list(range(i, i + size)) for i in range(0, len(examples), size)])
        self._epoch(self.split.batches[:1])

    def _read_by_encoder(self, split: Split, texts: list[str]) -> None:
        """Have the encoder read the texts of `split` in every batch, in place of the features that it has of them."""
        encoder, config = self.model.encoder, self.config
        assert encoder is not None
        cut = "left" if config.generation else "right"
        read = encoder_ids(encoder.tokenizer, texts, min(config.text_length, encoder.positions), cut)
        split.rows = [dataclasses.replace(row, encoder_ids=ids) for row, ids in zip(split.rows, read, strict=True)]
        split.features, split.encoder_pad_id = None, encoder.tokenizer.pad_token_id

    def __call__(self) -> float:
        return len(self.split) / (self._epoch(self.split.batches) + self.prepared_s)

    def flops(self) -> float:
        """Of all matrix products for an example, those on padding too."""
        return (counted_flops(lambda: self._epoch(self.split.batches)) + self.prepared_flops) / len(self.split)

    def _epoch(self, batches: Order) -> float:
        """Seconds of one epoch of these batches."""
        settings = dataclasses.replace(self.config.train, epochs=1, batch_size=len(batches[0]))
        all_batches, self.split.batches = self.split.batches, batches
        directory = RunDirectory(self.config.results_dir, "", {})
        directory.create()
        with Monitor(self.config, directory) as monitor, optimiser(self.fused):
            checkpoints = Checkpoints(directory.path, math.inf)
            metric = self.config.task.metrics[self.config.task.metric]
            progress = train(self.model, self.split, settings, 0, None, metric, checkpoints, monitor, Processes())
        self.split.batches = all_batches
        return progress.seconds


def loss_of_logits_everywhere(model: AdaptedModel, batch: Batch) -> Tensor:
    """The loss at the scored positions, whose logits are taken from those of all positions."""
    with model.backbone.autocast():
        logits = model.backbone.head(model.hidden(batch)).float()[batch.rows, model.columns(batch)]
    return F.cross_entropy(logits, batch.targets)


@contextlib.contextmanager
def optimiser(fused: bool) -> Iterator[None]:
    """AdamW as it comes, as most code takes it, if not `fused`."""
    ours = torch.optim.AdamW
    if not fused:
        torch.optim.AdamW = lambda *args, fused, **kwargs: ours(*args, **kwargs)  # type: ignore[assignment,misc]
    try:
        yield
    finally:
        torch.optim.AdamW = ours  # type: ignore[misc]
