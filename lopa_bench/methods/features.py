"""Instance features on disk: computed once per text and encoder, shared by epochs, ranks, seeds, methods and sweep jobs."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lopa_bench.errors import RunFailed
from lopa_bench.host.files import writing


def cache_folder() -> Path:
    """Where features are kept: ``$LOPA_BENCH_CACHE``, else ``~/.cache/lopa-bench``. Deleting it costs time and nothing else."""
    return Path(os.environ.get("LOPA_BENCH_CACHE", Path.home() / ".cache" / "lopa-bench"))


def stored_features(
    encoder: dict[str, str], tokens: Sequence[Sequence[int]], compute: Callable[[], np.ndarray]
) -> np.ndarray:
    """The features [N, E] of N tokenised texts, memory-mapped from disk, computed and written if they are not there.

    Args:
        encoder: what the features depend on beside the texts: weights, pooling, precision.
        tokens: the encoder's input, so the key covers tokenizer and truncation too.

    A cache that cannot be read or written is passed over: the features are computed.
    """
    path = cache_folder() / "features" / f"{_key(encoder, tokens)}.npy"
    try:
        return np.load(path, mmap_mode="c")  # copy on write: the file stays as it is
    except (OSError, ValueError):
        features = compute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            np.save(file, features)
        return np.load(path, mmap_mode="c")  # what was computed is in memory no longer
    except (OSError, ValueError, RunFailed):
        return features


def _key(encoder: dict[str, str], tokens: Sequence[Sequence[int]]) -> str:
    key = hashlib.sha256(json.dumps(encoder, sort_keys=True).encode())
    for ids in tokens:
        key.update(len(ids).to_bytes(4, "little") + array("i", ids).tobytes())
    return key.hexdigest()[:32]
