"""The machine under a run: device, seeds, peak memory."""

from __future__ import annotations

import contextlib
import ctypes
import os
import random
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

_libc: Any = ctypes.CDLL(None) if os.name == "posix" else None  # a C library lacks what it does not know
GLIBC_SETTINGS = {"MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"}  # mallopt(3)


def default_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def seed_everything(seed: int) -> None:
    """The same numbers for the same seed on the same machine, bit for bit."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    # A tenth of beam search's time, and no operation reads it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def keep_freed_memory() -> None:
    """Let the C library keep memory that tensors free on the CPU, for the next ones.

    glibc gives large blocks back at once, and the system clears every page that it hands out again: half of the time of a step that
    writes with many beams. What is kept is never quite the size that is needed next, so the heap grows to about twice of what is used
    (docs/speed.md). Who has set one of glibc's own variables for it wants it otherwise. Nothing changes with other C libraries,
    which lack mallopt(3).
    """
    trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX of malloc.h
    if keeps_freed_memory():
        _libc.mallopt(mmap_max, 0)
        _libc.mallopt(trim_threshold, 2**31 - 1)


def keeps_freed_memory() -> bool:
    """Whether `keep_freed_memory` does anything here."""
    return hasattr(_libc, "mallopt") and not GLIBC_SETTINGS & set(os.environ)


def give_freed_memory_back() -> None:
    """What `keep_freed_memory` kept and nothing uses."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)


class PeakMemory:
    """Peak memory inside a ``with`` block, in MiB: the GPU's allocations, or the process's resident set."""

    def __enter__(self) -> PeakMemory:
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        give_freed_memory_back()  # earlier runs of the process do not count
        with contextlib.suppress(OSError):  # Linux: start the peak anew
            Path("/proc/self/clear_refs").write_text("5")
        return self

    def __exit__(self, *exception: object) -> None:
        self.mib = round(self._bytes() / 2**20)

    def _bytes(self) -> int:
        if torch.cuda.is_available():
            return torch.cuda.max_memory_allocated()
        with contextlib.suppress(OSError):
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
