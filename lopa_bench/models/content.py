"""What tells one model folder from another: the files that a number may follow from, and their fingerprint. Imports no torch."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from lopa_bench.host.files import sha256
from lopa_bench.models.weights import index_read, weight_files

# Any of these makes a tokenizer; their names are those of transformers' tokenizer classes.
VOCABULARIES = ("tokenizer.json", "vocab*", "*.model", "*.spm", "*.bpe", "*.tiktoken")
# What a fingerprint has had from the first, in this order.
_FIRST = ("tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json", "merges.txt", "vocab.txt",
          "tokenizer.model", "spiece.model", "sentencepiece.bpe.model")  # fmt: skip
_SAMPLES, _SAMPLE_BYTES, _READ_WHOLE = 64, 1 << 16, 64 << 20


def read_beside(folder: Path, own_code: str | None) -> list[str]:
    """Names of the small files, beside config.json and tokenizer.json, that a number may follow from: vocabularies, a model's own code."""
    found = {path.name for pattern in (*VOCABULARIES, "bpe.codes") for path in folder.glob(pattern)} - {
        *_FIRST,
        "tokenizer.json",
    }
    code = [path.relative_to(folder).as_posix() for path in folder.rglob("*.py")] if own_code else []
    return [*_FIRST, *sorted(found), *sorted(code)]


def of_folder(folder: Path, beside: Iterable[str], *, sampled: bool = False) -> str:
    """SHA-256 (first 16 digits) over a folder's config.json, tokenizer.json, those of `beside` that are there, and its weights.

    Of weights in several files the index too, which says which files they are: others may lie beside them.

    Args:
        sampled: as results made before 28 November 2026 have it: of a file of weights of more than 64 MiB its size and 64 evenly spaced
            samples of 64 KiB, between which a changed layer norm goes unseen, and no index.
    """
    digest = hashlib.sha256()
    for name in ("config.json", "tokenizer.json"):
        path = folder / name
        digest.update(path.read_bytes() if path.is_file() else b"-")
    for name in beside:
        if (folder / name).is_file():
            digest.update(name.encode() + (folder / name).read_bytes())
    if not sampled and (index := index_read(folder)):
        digest.update(index.name.encode() + index.read_bytes())
    for path in weight_files(folder):
        size = path.stat().st_size
        digest.update(f"{path.name}:{size}".encode())
        if size > _READ_WHOLE and not sampled:
            status = path.stat()
            digest.update(_of_file(path, size, status.st_mtime_ns, status.st_ino).encode())
            continue
        samples = max(_SAMPLES, math.ceil(size / _SAMPLE_BYTES)) if size <= _READ_WHOLE else _SAMPLES
        with path.open("rb") as file:
            for sample in range(samples):
                file.seek(max(0, (size - _SAMPLE_BYTES) * sample // (samples - 1)))
                digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()[:16]


@lru_cache(maxsize=256)  # a sweep asks for each of its runs; reading takes 1.4 s a gigabyte
def _of_file(path: Path, size: int, written: int, inode: int) -> str:
    return sha256(path)
