"""``prompts.npz``: what LOPA's prompt is made of on test examples, kept by a run for its figure.

Arrays, all float16 but the labels; N examples of the reported split (the first ones), M virtual
tokens, D embedding width, R rank:

=========  ===========  ====================================================================
``z_s``    [M, D]       the task part
``u``      [N, M, R]    the instance part's factors: Z_I = u vᵀ
``v``      [N, D, R]
``label``  [N]          gold label words, as text
=========  ===========  ====================================================================

At M = 10, D = 128, R = 4 an example takes about 1.1 kB.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

NAME = "prompts.npz"
EXAMPLES = 128  # of a split that are kept: enough for a spectrum, small enough for every run


@dataclass(frozen=True)
class Prompts:
    """The content of ``prompts.npz`` in float32; ``z_i``, [N, M, D], is the factors' product."""

    z_s: NDArray[np.float32]
    u: NDArray[np.float32]
    v: NDArray[np.float32]
    label: NDArray[np.str_]

    @property
    def z_i(self) -> NDArray[np.float32]:
        return self.u @ self.v.swapaxes(1, 2)

    @property
    def rank(self) -> int:
        return int(self.u.shape[-1])


def pack_prompts(z_s: ArrayLike, u: ArrayLike, v: ArrayLike, label: ArrayLike) -> bytes:
    """The content of ``prompts.npz``.

    Raises:
        ValueError: shapes that do not fit each other.
    """
    z_s, u, v = (_short(np.asarray(array, dtype=np.float32)) for array in (z_s, u, v))
    labels = np.asarray(label, dtype=np.str_)
    _check(z_s, u, v, labels)
    packed = io.BytesIO()
    np.savez_compressed(packed, z_s=z_s, u=u, v=v, label=labels)
    return packed.getvalue()


def _short(array: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """In half precision, where that has room for its numbers."""
    fits = np.abs(array).max(initial=0) <= np.finfo(np.float16).max
    return array.astype(np.float16) if fits else array


def load_prompts(folder: Path) -> Prompts | None:
    """The prompts of a run directory; None where it has none that can be read."""
    path = folder / NAME
    try:
        with np.load(path, allow_pickle=False) as file:
            z_s, u, v = (file[name].astype(np.float32) for name in ("z_s", "u", "v"))
            label = file["label"].astype(np.str_)
        _check(z_s, u, v, label)
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, zlib.error):
        return None
    return Prompts(z_s, u, v, label)


def _check(z_s: np.ndarray, u: np.ndarray, v: np.ndarray, label: np.ndarray) -> None:
    tokens, width = z_s.shape
    count, _, rank = u.shape
    wanted = (count, tokens, rank), (count, width, rank), (count,)
    if (u.shape, v.shape, label.shape) != wanted:
        raise ValueError(f"shapes do not fit: {z_s.shape}, {u.shape}, {v.shape}, {label.shape}")
