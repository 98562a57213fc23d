"""Instance features on disk: computed once per text and encoder, shared by epochs, ranks, seeds, methods and sweep jobs."""

from __future__ import annotations

import hashlib
import json
import os
from array import array
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from lopa_bench.errors import UserError
from lopa_bench.host.files import opened, writing

Features = NDArray[np.float32]
_SUM_BYTES = 32  # of the checksum at the end of a file, which numpy does not read


def cache_folder() -> Path:
    """Where features are kept: ``$LOPA_BENCH_CACHE``, else ``~/.cache/lopa-bench``. Deleting it costs time and nothing else."""
    return Path(os.environ.get("LOPA_BENCH_CACHE", Path.home() / ".cache" / "lopa-bench"))


def stored_features(
    encoder: dict[str, str], tokens: Sequence[Sequence[int]], compute: Callable[[], Features]
) -> Features:
    """The features [N, E] of N tokenised texts, memory-mapped from disk, computed and written if they are not there.

    Args:
        encoder: what the features depend on beside the texts: weights, pooling, precision.
        tokens: the encoder's input, so the key covers tokenizer and truncation too.

    A file that is not exactly what was written under this key (damaged, cut off, another key's) is computed anew, and a cache that
    cannot be read or written is passed over.
    """
    key = _key(encoder, tokens)
    path = cache_folder() / "features" / f"{key}.npy"
    if (found := _found(path, key, len(tokens))) is not None:
        return found
    features = compute()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with writing(path) as file:
            _write(_Summed(file, key), features)
    except (OSError, UserError):
        return features
    kept = _found(path, key, len(tokens))  # what was computed is then in memory no longer
    return features if kept is None else kept


class _Summed:
    """Writes into a file what is written into it, and in the end a checksum of that and of the key it was computed for."""

    def __init__(self, file: BinaryIO, key: str) -> None:
        self._file, self._sum = file, _checksum(key)

    def write(self, data: bytes) -> None:
        self._sum.update(data)
        self._file.write(data)

    def end(self) -> None:
        self._file.write(self._sum.digest())


def _write(file: _Summed, features: Features) -> None:
    np.lib.format.write_array(file, np.ascontiguousarray(features, dtype=np.float32), allow_pickle=False)
    file.end()


def _found(path: Path, key: str, rows: int) -> Features | None:
    """The features in a file of the cache, if all of it is as `_Summed` wrote it for this key and they are fp32, one row a text."""
    try:
        with opened(path) as file:
            left, total = os.fstat(file.fileno()).st_size - _SUM_BYTES, _checksum(key)
            while left > 0 and (chunk := file.read(min(left, 1 << 20))):
                total.update(chunk)
                left -= len(chunk)
            if left or file.read() != total.digest():
                return None
        features = np.load(path, mmap_mode="c")  # copy on write: the file stays as it is
    except (OSError, ValueError, UserError):
        return None
    return features if features.dtype == np.float32 and features.ndim == 2 and len(features) == rows else None


def _checksum(key: str) -> hashlib.blake2b:
    return hashlib.blake2b(key.encode(), digest_size=_SUM_BYTES)


def _key(encoder: dict[str, str], tokens: Sequence[Sequence[int]]) -> str:
    key = hashlib.sha256(json.dumps(encoder, sort_keys=True).encode())
    for ids in tokens:
        key.update(len(ids).to_bytes(4, "little") + array("i", ids).tobytes())
    return key.hexdigest()[:32]
