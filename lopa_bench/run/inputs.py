"""What a run reads, as examples and tokens: tokenised splits, from memory if an earlier job of the process had them."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from lopa_bench.config.fields import Kind
from lopa_bench.config.schema import Config
from lopa_bench.errors import Missing
from lopa_bench.host.shelf import Shelf
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.methods.instance_encoder import InstanceEncoder
from lopa_bench.models.batches import Row, Split, encode_clozes, encode_completions, encode_prompts, encode_questions
from lopa_bench.models.files import kind_of, locate
from lopa_bench.models.tokens import encoder_ids, load_tokenizer
from lopa_bench.run.identity import digest
from lopa_bench.run.preflight import in_hub_cache
from lopa_bench.run.records import read_records
from lopa_bench.tasks.example import Example
from lopa_bench.tasks.rows import Records

LOOKED_AT = 256  # rows of most characters, among which the one of most tokens is looked for
UNKNOWN = 0.1  # of the test rows, from which a word that a vocabulary has not is more than a rare sign
SPLITS: Shelf[Split] = Shelf(6)  # what jobs of one process share: train, validation and test of two tasks


def examples_of(config: Config, records: Records, kind: Kind) -> dict[str, list[Example]]:
    """The examples of every split that the run reads, by the split's name, in the words in which a model of this kind is asked."""
    task = config.task.for_kind(kind)
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
            "code": known.get("code", {}).get("task"),
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

    Classifications are the same in training and evaluation; a generation task's examples have their completion only in training, and are
    padded on the left otherwise. A frozen encoder's features are computed here, once for all epochs.
    """
    backbone, limit, generation = model.backbone, config.text_length, config.generation
    room = generation.max_new_tokens if generation else 0

    def read(some: Sequence[Example], most: int) -> list[Row]:
        return tokenised(backbone.tokenizer, backbone.kind, config, some, most, training)

    rows = read(examples, limit)
    lengths = [len(row.ids) for row in rows]
    cut = cut_short(lambda some, most: [row.ids for row in read(some, most)], examples, lengths, limit, room)
    split = Split(rows, backbone.tokenizer.pad_token_id, side="right" if training or generation is None else "left")
    if model.encoder is not None:
        cut |= encode_for_encoder(model.encoder, split, config, examples, backbone.kind)
    split.cut = len(cut)
    return split


def unknown_words(model: AdaptedModel, split: Split) -> list[str]:
    """A remark on rows with words that the backbone's vocabulary has not, which it reads as one token; none where they are few."""
    tokenizer = model.backbone.tokenizer
    unknown = tokenizer.unk_token_id
    if unknown in (None, tokenizer.bos_token_id, tokenizer.eos_token_id):  # GPT-2's, which knows every byte
        return []
    with_one = sum(unknown in row.ids for row in split.rows)
    if with_one <= UNKNOWN * len(split):
        return []
    return [
        f"{with_one:,} of {len(split):,} test rows have words that this model's vocabulary has not; it reads each as {tokenizer.unk_token}"
    ]


def tokenised(
    tokenizer: Any, kind: Kind, config: Config, examples: Sequence[Example], most: int, training: bool
) -> list[Row]:
    """What a backbone of this kind reads of `examples`, at most `most` tokens of each, with their completions in training."""
    generation = config.generation
    if generation is None and kind == "causal":
        return encode_questions(tokenizer, examples, most, config.model.label_words)
    if generation is None:
        return encode_clozes(tokenizer, examples, most, config.model.label_words)
    return (encode_completions if training else encode_prompts)(tokenizer, examples, most, generation.max_new_tokens)


def longest_row(config: Config) -> int | None:
    """Tokens of the longest training row as the run reads it; None where its rows or its tokenizer are not on this machine.

    Of many rows those of most characters are tokenised.

    Raises:
        UserError: rows or a tokenizer that cannot be read.
    """
    try:
        files = locate(config.model.path, config.model.revision, offline=True)
    except Missing:
        return None
    if config.data.source == "hub" and not config.data.own and not in_hub_cache(config.task):
        return None
    kind = kind_of(config.model, files)
    examples = examples_of(config, read_records(replace(config, offline=True)), kind)["train"]
    long = sorted(examples, key=lambda example: len(example.input) + len(example.target))[-LOOKED_AT:]
    tokenizer = load_tokenizer(files.source, own_code=files.own_code, **files.options(config.model.trust_remote_code))
    return max(len(row.ids) for row in tokenised(tokenizer, kind, config, long, config.text_length, training=True))


def encode_for_encoder(
    encoder: InstanceEncoder, split: Split, config: Config, examples: Sequence[Example], kind: Kind
) -> set[int]:
    """Put what the instance encoder reads, or its features, into `split`; the numbers of the rows of which it reads a part."""
    # What a causal LM answers stands behind its input, whose end matters more than its beginning.
    side = "left" if kind == "causal" else "right"

    def words(some: Sequence[Example], most: int) -> list[array[int]]:
        return encoder_ids(encoder.tokenizer, [example.input for example in some], most, side)

    limit = min(config.text_length, encoder.positions)
    read = words(examples, limit)
    if encoder.frozen:
        split.features = encoder.features(read)
    else:
        split.rows = [replace(row, encoder_ids=ids) for row, ids in zip(split.rows, read, strict=True)]
        split.encoder_pad_id = encoder.tokenizer.pad_token_id
    return cut_short(words, examples, [len(ids) for ids in read], limit, 0)


def cut_short(
    tokenised: Callable[[Sequence[Example], int], Sequence[Sequence[int]]],
    examples: Sequence[Example],
    lengths: Sequence[int],
    limit: int,
    room: int | None,
) -> set[int]:
    """The numbers of the examples that are longer than `limit` tokens: those that become longer if one more is allowed.

    Args:
        tokenised: examples and the most tokens -> the tokens of each. lengths: those of all `examples` at `limit`.
        room: tokens of `limit` that are kept for what is written (None: what the input leaves).
    """
    near = [i for i, length in enumerate(lengths) if length + 1 + (room or 0) >= limit]
    longer = tokenised([examples[i] for i in near], limit + 1)
    return {i for i, ids in zip(near, longer, strict=True) if len(ids) > lengths[i]}
