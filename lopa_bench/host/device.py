"""The machine under a run: device, seeds, peak memory."""

from __future__ import annotations

import contextlib
import os
import random
import resource
import sys
from pathlib import Path

import numpy as np
import torch

from lopa_bench.errors import UserError, in_a_line
from lopa_bench.host.heap import give_freed_memory_back

# What makes cuBLAS repeat itself. PyTorch reads it once, at the first product, which is one of those that look whether a model is read
# as it should be, before any seed is set.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def default_device() -> torch.device:
    """The GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def usable_device(name: str) -> torch.device:
    """The device that is called so. Raises `UserError` for one that this machine, or this PyTorch, has not."""
    try:
        given = torch.zeros(1, device=name)
        given.cpu()  # which "meta" has no numbers for
        return given.device
    except (
        RuntimeError,
        AssertionError,
        ImportError,
    ) as error:  # AssertionError: of a PyTorch built without such devices
        reason = in_a_line(error).split(". ")[0][:160].rstrip(".")
        raise UserError(f"device={name}: {reason}; nearest: device={default_device()}") from error


def seed_everything(seed: int) -> None:
    """The same numbers for the same seed on the same machine: bit for bit on a CPU, on a GPU as far as its kernels have a way to.

    The backward pass of PyTorch's fused attention has none that it takes where others only warn; models without attention dropout use it.
    """
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # A tenth of beam search's time, and no operation reads it.
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def seed_draws(number: int, device: torch.device) -> None:
    """What PyTorch draws from here on, on the CPU and on `device`, follows from `number`.

    On the CPU in a fiftieth of `torch.manual_seed`'s time, which notes a traceback for each kind of device that is not there.
    """
    seed = torch.default_generator.manual_seed if device.type == "cpu" else torch.manual_seed
    seed(number)


class PeakMemory:
    """Peak memory inside a ``with`` block, in MiB: the GPU's allocations, or the process's resident set."""

    mib = 0

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
