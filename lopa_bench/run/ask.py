"""A finished run's answers to new inputs, in the batches and with the bits of its own evaluation."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from lopa_bench.config.schema import Config
from lopa_bench.errors import UserError
from lopa_bench.host.extras import require
from lopa_bench.host.files import read_bytes
from lopa_bench.host.terminal import say
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.metrics.files.reading import TABLES
from lopa_bench.models.batches import Split
from lopa_bench.run.inputs import encode
from lopa_bench.run.predict import word_logits, write
from lopa_bench.tasks.base import Record, Task
from lopa_bench.tasks.example import Example
from lopa_bench.tasks.rows import asked_fields
from lopa_bench.tasks.tables import marked, numbered, without_broken


def ask(model: AdaptedModel, config: Config, inputs: Path) -> Iterator[dict[str, Any]]:
    """A line for each row of `inputs`: its index, what the model read, and either label and scores or the text.

    `scores` are the model's probabilities of the label words, of these alone. Several samples of a text are a list.

    Raises:
        UserError: texts that vLLM writes, without it; a file that cannot be read, or has not the columns that the task reads.
    """
    if config.generation is not None and config.generation.generator == "vllm":
        require("vllm", "generation.generator=vllm, which wrote this run's texts,")
    task = config.task.for_kind(model.backbone.kind)
    examples = _examples(task, inputs)
    split = encode(model, config, examples, training=False)
    if split.cut:
        of, most = f"{split.cut} of {len(examples)} inputs", config.train.max_length
        say(f"{of} have more tokens than the run reads (train.max_length={most}) and were cut", error=True)
    model.eval()
    answers = _labels(model, config, split) if task.label_words else _texts(model, config, split)
    for index, (example, answer) in enumerate(zip(examples, answers, strict=True)):
        yield {"index": index, "input": example.input, **answer}


def _examples(task: Task, inputs: Path) -> list[Example]:
    records = asked_fields(task, inputs) if inputs.suffix.lower() in TABLES else _lines(task, inputs)
    try:
        return [Example(task.question(record), "") for record in records]
    except KeyError as error:
        raise UserError(f"inputs={inputs}: a row has no {error.args[0]}, which task={task.name} reads") from None


def _lines(task: Task, inputs: Path) -> Sequence[Record]:
    """The lines of a text file, for a task that reads one field."""
    read = [field for field in task.columns if field not in task.answer_fields]
    if len(read) != 1:
        columns = f" ({', '.join(read)})" if read else ""
        raise UserError(
            f"inputs={inputs}: a line is one text, and task={task.name} reads several columns{columns}; "
            f"give a file with their names, one of {', '.join(TABLES)}"
        )
    try:
        text = read_bytes(inputs).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"inputs={inputs}: byte {error.start} is not UTF-8") from error
    lines = [line.rstrip("\r") for line in text.rstrip("\r\n").split("\n")]
    if blank := next((number for number, line in enumerate(lines, 1) if not line.strip()), None):
        raise UserError(f"inputs={inputs}: line {blank} has no text, and a line is an input; take it out")
    where = f"inputs={inputs}"
    rows = numbered([{read[0]: line} for line in lines])
    return list(without_broken(where, marked(rows, task.fault, where), 0).values())


def _labels(model: AdaptedModel, config: Config, split: Split) -> Iterator[dict[str, Any]]:
    labels, words = list(config.task.label_words), list(config.task.label_words.values())
    logits = word_logits(model, split, words, config.train.eval_batch_size)
    best, scores = logits.argmax(1).tolist(), torch.softmax(logits, 1).tolist()
    for chosen, row in zip(best, scores, strict=True):
        yield {"label": labels[chosen], "scores": {label: round(p, 6) for label, p in zip(labels, row, strict=True)}}


def _texts(model: AdaptedModel, config: Config, split: Split) -> Iterator[dict[str, Any]]:
    for samples in write(model, split, config).texts:
        yield {"text": samples[0] if len(samples) == 1 else samples}
