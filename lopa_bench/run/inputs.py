"""What a run reads: rows and tokenised splits, from memory if an earlier job of the process had them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lopa_bench import results, share
from lopa_bench.data import Split, encode
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.records import Records, find_files, load_records
from lopa_bench.schema import Config
from lopa_bench.types import Example


def read_records(config: Config) -> Records:
    """The task's rows, from memory if an earlier job of this process read the same files."""
    source, holdout = config.data, config.selection == "holdout"
    found = find_files(config.task, source.dir).values() if source.source == "files" else ()
    files = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path, _ in found]
    key = results.digest({"data": vars(source), "task": config.resolved["task"], "holdout": holdout, "files": files})

    def read() -> Records:
        records = load_records(config.task, source, config.offline)
        return records.with_holdout() if holdout else records

    return share.records.get(key, read)


def encoded(
    model: AdaptedModel, config: Config, known: Mapping[str, Any], split: str, examples: Sequence[Example]
) -> Split:
    """A tokenised split, from memory if an earlier job of this process had the same rows, tokenizers and encoder."""
    depends_on = {key: known[key] for key in ("model", "data", "task", "precision")}
    key = results.digest(
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
    return share.splits.get(key, lambda: encode(model, config, examples, training=split == "train"))
