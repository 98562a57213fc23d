"""What an adapted model answers."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from lopa_bench.config.schema import Config
from lopa_bench.errors import NotFinite
from lopa_bench.host.counting import counted
from lopa_bench.host.heap import give_freed_memory_back
from lopa_bench.host.processes import Processes
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.batches import Batch, Split
from lopa_bench.models.decoding import GenerationSpec
from lopa_bench.models.tokens import is_ended, new_text
from lopa_bench.run.shard import gathered, in_step
from lopa_bench.run.written import Tokens, Written


class Predicted(NamedTuple):
    """Predicted strings of every row, in order, and how many texts were still going on when their tokens were spent."""

    texts: list[list[str]]
    unended: int = 0


def predict(
    model: AdaptedModel, split: Split, config: Config, together: Processes, kept: Written | None = None
) -> Predicted:
    """The answers to all rows; each process answers its share of them, or all where they keep step.

    Args:
        kept: those of the texts that are there already; it keeps the others as they come.
    """
    if in_step(model):
        return answers(model, split, config)
    part = split.part(together.share(range(len(split))))
    with gathered(model):
        own = answers(model, part, config, kept)
    return Predicted(together.merge(own.texts), sum(together.collect(own.unended)))


def answers(model: AdaptedModel, split: Split, config: Config, kept: Written | None = None) -> Predicted:
    """The answers to every row of `split`, by this process alone.

    Raises:
        NotFinite: parameters or logits that are NaN or infinite.
    """
    model.eval()
    for name, parameter in model.trainable().items():
        if not parameter.isfinite().all():
            raise NotFinite(f"after training, {name} is")
    if config.task.label_words:
        return Predicted(classify(model, split, list(config.task.label_words.values()), config.train.eval_batch_size))
    return write(model, split, config, kept)


def classify(model: AdaptedModel, split: Split, words: list[str], batch_size: int) -> list[list[str]]:
    """The label word with the largest logit where the answer stands, for every row in order, each as a list of one."""
    return [[words[i]] for i in word_logits(model, split, words, batch_size).argmax(1).tolist()]


@torch.no_grad()
def word_logits(model: AdaptedModel, split: Split, words: list[str], batch_size: int) -> Tensor:
    """[rows, words] the label words' logits where the answer stands, on the CPU, every row in its place.

    Raises:
        NotFinite: one of them is NaN or infinite.
    """
    word_ids = torch.tensor([model.backbone.word_id(word) for word in words], device=model.backbone.device)
    found = torch.empty(len(split), len(words))
    for batch in counted(split.by_length(batch_size), _size, len(split)):
        logits = model(batch.to(model.backbone.device))[:, word_ids].cpu()
        if not logits.isfinite().all():
            raise NotFinite("logits of label words are")
        found[batch.index] = logits.float()
    return found


def _size(batch: Batch) -> int:
    return len(batch.index)


def write(model: AdaptedModel, split: Split, config: Config, kept: Written | None = None) -> Predicted:
    """The task's answers in generated text, `generation.num_samples` of every row; `kept` is as in `predict`."""
    settings, task, tokenizer = config.generation, config.task, model.backbone.tokenizer
    assert settings is not None
    budgets = [settings.max_new_tokens or config.text_length - len(row.ids) for row in split.rows]
    spec = GenerationSpec(settings, tuple(task.stop_words), max(budgets, default=0), config.seed)
    if settings.generator == "vllm":
        from lopa_bench.run import vllm

        new = vllm.tokens(model, split, config, spec, budgets)
    else:
        room = model.backbone.files.positions - config.method.prompt_length
        give_freed_memory_back()  # a step's: writing fills blocks of other sizes
        batch_size = max(1, config.train.eval_batch_size // settings.num_samples)
        new = batched(model, split, spec, budgets, batch_size, room, kept)
        give_freed_memory_back()
    written = [[(ids, budget) for ids in samples] for samples, budget in zip(new, budgets, strict=True)]
    texts = [[task.answer(new_text(tokenizer, *each, task.stop_words)) for each in samples] for samples in written]
    return Predicted(
        texts, sum(not is_ended(tokenizer, *each, task.stop_words) for samples in written for each in samples)
    )


def batched(
    model: AdaptedModel,
    split: Split,
    spec: GenerationSpec,
    budgets: list[int],
    batch_size: int,
    room: int,
    kept: Written | None = None,
) -> list[Tokens]:
    """New tokens of every row and sample, rows of like length together.

    A batch goes on until its largest budget is spent, so its longest row needs that many positions too, of the model's `room`. A batch
    that `kept` has is not written again.
    """

    def fits(rows: list[int]) -> bool:
        return max(len(split.rows[row].ids) for row in rows) + max(budgets[row] for row in rows) <= room

    new: list[Tokens] = [[] for _ in range(len(split))]
    for batch in counted(split.by_length(batch_size, fits), _size, len(split)):
        rows = batch.index.tolist()
        batch.index = split.numbers[batch.index]  # samples depend on it, not on which process writes them
        longest = replace(spec, max_new_tokens=max(budgets[row] for row in rows))
        generate = partial(_generated, model, batch, longest)
        made = kept.of(batch.index.tolist(), generate) if kept else generate()
        for row, samples in zip(rows, made, strict=True):
            new[row] = samples
    return new


def _generated(model: AdaptedModel, batch: Batch, spec: GenerationSpec) -> list[Tokens]:
    tokens: list[Tokens] = (
        model.generate(batch.to(model.backbone.device), spec).unflatten(0, (len(batch.index), -1)).tolist()
    )
    return tokens
