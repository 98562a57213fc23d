"""What a run reads: rows and tokenised splits, from memory if an earlier job of the process had them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lopa_bench.config.schema import Config
from lopa_bench.host import shelf
from lopa_bench.methods.adapted import AdaptedModel
from lopa_bench.models.batches import Split, encode
from lopa_bench.results import directory
from lopa_bench.tasks.example import Example
from lopa_bench.tasks.rows import Records, find_files, load_records


def read_records(config: Config) -> Records:
    """The task's rows, from memory if an earlier job of this process read the same files."""
    source, holdout = config.data, config.selection == "holdout"
    found = find_files(config.task, source.dir).values() if source.source == "files" else ()
    files = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path, _ in found]
    key = directory.digest({"data": vars(source), "task": config.resolved["task"], "holdout": holdout, "files": files})

    def read() -> Records:
        records = load_records(config.task, source, config.offline)
        return records.with_holdout() if holdout else records

    return shelf.records.get(key, read)


def encoded(
    model: AdaptedModel, config: Config, known: Mapping[str, Any], split: str, examples: Sequence[Example]
) -> Split:
    """A tokenised split, from memory if an earlier job of this process had the same rows, tokenizers and encoder."""
    depends_on = {key: known[key] for key in ("model", "data", "task", "precision")}
    key = directory.digest(
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
    return shelf.splits.get(key, lambda: encode(model, config, examples, training=split == "train"))
