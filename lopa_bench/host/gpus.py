"""Which GPUs a process computes on, where several share a machine."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lopa_bench.host.lease import Busy, Lease

VISIBLE = "CUDA_VISIBLE_DEVICES"


def visible() -> list[str]:
    """The GPUs that this process may use, as ``CUDA_VISIBLE_DEVICES`` names them; what is set there is respected."""
    named = os.environ.get(VISIBLE)
    if named is not None:
        return [name.strip() for name in named.split(",") if name.strip() not in {"", "-1"}]
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


def take(folder: Path, each: int = 1) -> None:
    """Make `each` of the visible GPUs this process's own for the rest of its life; with more processes than GPUs they are shared evenly.

    Args:
        folder: of files that say which are taken, for the processes that are to differ.
    """
    if mine := _taken(folder, each):
        os.environ[VISIBLE] = ",".join(mine)


@cache
def _taken(folder: Path, each: int) -> Sequence[str]:
    """Those that this process took at its first job."""
    gpus = visible()
    return claim(folder, gpus, each) if gpus else ()


def claim(folder: Path, gpus: Sequence[str], each: int) -> Sequence[str]:
    """`each` of `gpus`, those that the fewest living processes have claimed in `folder`."""
    shares = [gpus[first : first + each] for first in range(0, len(gpus) - each + 1, each)] or [gpus]
    for place in itertools.count():
        lock = Lease(folder / f"gpus-{place}.lock")
        with contextlib.suppress(Busy):
            lock.__enter__()  # it is given up by the end of the process
            return shares[place % len(shares)]
    raise AssertionError("unreachable")
