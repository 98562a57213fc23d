"""What a run reads: rows and tokenised splits, from memory if an earlier job of the process had them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lopa_bench.config.schema import Config
from lopa_bench.host.shelf import Shelf
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.batches import Split, encode_clozes, encode_completions, encode_prompts
from lopa_bench.models.tokens import encoder_ids
from lopa_bench.run.identity import digest
from lopa_bench.tasks.example import Example
from lopa_bench.tasks.rows import Records, find_files, load_records

# What jobs of one process share.
RECORDS: Shelf[Records] = Shelf(2)
SPLITS: Shelf[Split] = Shelf(6)  # train, validation and test of two tasks


def read_records(config: Config) -> Records:
    """The task's rows, from memory if an earlier job of this process read the same files."""
    source, holdout = config.data, config.selection == "holdout"
    found = find_files(config.task, source.dir).values() if source.source == "files" else ()
    files = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path, _ in found]
    key = digest({"data": vars(source), "task": config.resolved["task"], "holdout": holdout, "files": files})

    def read() -> Records:
        records = load_records(config.task, source, config.offline)
        return records.with_holdout() if holdout else records

    return RECORDS.get(key, read)


def examples_of(config: Config, records: Records) -> dict[str, list[Example]]:
    """The examples of every split that the run reads, by the split's name."""
    task = config.task
    examples = {"train": task.examples(records.train), "test": task.evaluation_examples(records.test)}
    if config.selection == "holdout":
        selected = config.generation.select_rows if config.generation else None
        examples["validation"] = task.evaluation_examples(records.validation or [])[:selected]
    return examples


def encoded(
    model: AdaptedModel, config: Config, known: Mapping[str, Any], split: str, examples: Sequence[Example]
) -> Split:
    """A tokenised split, from memory if an earlier job of this process had the same rows, tokenizers and encoder."""
    depends_on = {key: known[key] for key in ("model", "data", "task", "precision")}
    key = digest(
        {
            **depends_on,
            "split": split,
            "max_length": config.train.max_length,
            "reads": (model.encoder.pooling, model.encoder.frozen) if model.encoder is not None else None,
            # What is written takes room from what is read.
            "writes": None if config.task.label_words else [known.get("generation"), config.method.prompt_length],
            "device": str(model.backbone.device),
        }
    )
    return SPLITS.get(key, lambda: encode(model, config, examples, training=split == "train"))


def encode(model: AdaptedModel, config: Config, examples: Sequence[Example], training: bool) -> Split:
    """Tokenise one split for the backbone and, where the method reads the instance, for its encoder.

    Clozes are the same in training and evaluation; a generation task's examples have their completion only in training, and are padded
    on the left otherwise. A frozen encoder's features are computed here, once for all epochs.
    """
    tokenizer, limit, generation = model.backbone.tokenizer, config.text_length, config.generation
    if generation is None:
        rows = encode_clozes(tokenizer, examples, limit)
    else:
        encode_rows = encode_completions if training else encode_prompts
        rows = encode_rows(tokenizer, examples, limit, generation.max_new_tokens)
    split = Split(rows, tokenizer.pad_token_id, side="right" if training or generation is None else "left")
    if model.encoder is None:
        return split
    cut = "left" if generation else "right"  # a program's or a table's end matters more than its beginning
    read = encoder_ids(model.encoder.tokenizer, [e.input for e in examples], min(limit, model.encoder.positions), cut)
    if model.encoder.frozen:
        split.features = model.encoder.features(read)
    else:
        split.rows = [replace(row, encoder_ids=ids) for row, ids in zip(rows, read, strict=True)]
        split.encoder_pad_id = model.encoder.tokenizer.pad_token_id
    return split
