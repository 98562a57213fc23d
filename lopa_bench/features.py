"""Instance features on disk: computed once per text and encoder, shared by epochs, ranks, seeds, methods and sweep jobs."""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from lopa_bench.atomic import write_bytes
from lopa_bench.errors import RunFailed


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
    key = hashlib.sha256(json.dumps([encoder, list(map(list, tokens))], sort_keys=True).encode()).hexdigest()[:32]
    path = cache_folder() / "features" / f"{key}.npy"
    try:
        return np.load(path, mmap_mode="c")  # copy on write: the file stays as it is
    except (OSError, ValueError):
        features = compute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        buffer = io.BytesIO()
        np.save(buffer, features)
        write_bytes(path, buffer.getvalue())
    except (OSError, RunFailed):
        pass
    return features
