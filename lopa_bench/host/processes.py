"""One run in several processes, started by ``accelerate launch`` or ``torchrun``; alone, every operation here is the identity.

Data parallelism: every process holds the model, reads its share of each batch, and gradients are summed in one collective a step. The
trained parameters of these methods are few, so there is nothing to gain from overlapping that sum with the backward pass.
Imports no torch at the top.
"""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from lopa_bench.errors import NotFinite, RunFailed, UserError
from lopa_bench.host.terminal import say

if TYPE_CHECKING:
    import torch
    from torch import Tensor

T = TypeVar("T")
IN_ALL = "in_all"  # an attribute of an exception that every process gets


def is_main() -> bool:
    """Whether this process is the one that writes. Known from the environment before torch is loaded."""
    return os.environ.get("RANK", "0") == "0"


def process_count() -> int:
    """How many processes the run was started in. Known from the environment before torch is loaded."""
    return int(os.environ.get("WORLD_SIZE") or "1")


def check_launched() -> None:
    """Raise `UserError` where ``accelerate launch`` was asked for several processes and has started this one only, as with --cpu."""
    if "ACCELERATE_USE_CPU" in os.environ and "MASTER_PORT" in os.environ and "WORLD_SIZE" not in os.environ:
        raise UserError(
            "accelerate launch has started one process of the several it was asked for: --cpu, or no --multi_gpu; "
            "nearest: accelerate launch --multi_gpu --num_processes N -m lopa_bench …, without a GPU too"
        )


def report(error: UserError) -> int:
    """Print one line (with ``LOPA_DEBUG=1`` the traceback before it) and return the error's exit status."""
    if os.environ.get("LOPA_DEBUG") == "1":
        traceback.print_exception(error)
    line = f"lopa-bench: error: {error}".replace("\n", " ")
    if is_main():
        say(line, error=True)
    _tell_launcher(line)
    return error.exit_status


def _tell_launcher(line: str) -> None:
    """Leave `line` where torchrun looks for what its process ended of: its report, which comes last, then says it.

    The first process to end has torchrun end the others, perhaps before the main one has printed anything.
    """
    if path := os.environ.get("TORCHELASTIC_ERROR_FILE"):
        told = {"message": line, "extraInfo": {"timestamp": str(int(time.time()))}}
        Path(path).write_text(json.dumps({"message": told}), encoding="utf-8")


class Processes:
    """The processes of one run.

    Attributes:
        rank, count: this process's number and how many there are.
        device: the one this process computes on.
    """

    rank, count = 0, 1

    @property
    def main(self) -> bool:
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        from lopa_bench.host.device import default_device

        return default_device()

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """This process's part of `items`: every `count`-th."""
        return items[self.rank :: self.count]

    def merge(self, part: list[T]) -> list[T]:
        """What all processes made of their shares, in the order of the whole."""
        return part

    def first(self, action: Callable[[], T]) -> T:
        """Do something in the main process only; its value, or its exception, in all."""
        return action()

    def in_all(self, error: Exception) -> bool:
        """Whether every process has the error: one that `first` has raised, or a refusal of what all of them were given."""
        return True

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of every process's tensor of the same shape."""
        return tensor

    def any(self, *flags: bool) -> list[bool]:
        """Which of `flags` are set in any process: one exchange for all of them."""
        return list(flags)

    def collect(self, value: T) -> list[T]:
        """Every process's value, by rank."""
        return [value]


class _Launched(Processes):
    """Several processes, through Accelerate.

    What is no tensor goes through a group of the CPU's: NCCL would send it, a checkpoint as well, through each GPU's memory.
    """

    def __init__(self) -> None:
        from datetime import timedelta

        import torch
        from accelerate import Accelerator, InitProcessGroupKwargs

        # The others wait while the main process scores, which may mean running thousands of programs.
        patience = timedelta(hours=12)
        handlers = [InitProcessGroupKwargs(timeout=patience)]
        self.accelerator = Accelerator(cpu=not torch.cuda.is_available(), kwargs_handlers=handlers)
        self.objects = torch.distributed.new_group(backend="gloo", timeout=patience)
        self.rank, self.count = self.accelerator.process_index, self.accelerator.num_processes

    @property
    def device(self) -> torch.device:
        device: torch.device = self.accelerator.device
        return device

    def collect(self, value: Any) -> list[Any]:
        from torch.distributed import all_gather_object

        values: list[Any] = [None] * self.count
        all_gather_object(values, value, group=self.objects)
        return values

    def merge(self, part: list[T]) -> list[T]:
        parts = self.collect(part)
        return [parts[i % self.count][i // self.count] for i in range(sum(map(len, parts)))]

    def first(self, action: Callable[[], T]) -> T:
        from torch.distributed import broadcast_object_list

        outcome: list[Any] = [None, None]
        if self.main:
            try:
                outcome = [action(), None]
            except Exception as error:
                outcome = [None, error]
        broadcast_object_list(outcome, src=0, group=self.objects)
        value, failure = outcome
        if failure is not None:
            setattr(failure, IN_ALL, True)
            raise failure
        result: T = value
        return result

    def in_all(self, error: Exception) -> bool:
        refused = isinstance(error, UserError) and not isinstance(error, RunFailed | NotFinite)
        return refused or getattr(error, IN_ALL, False)

    def sum(self, tensor: Tensor) -> Tensor:
        total: Tensor = self.accelerator.reduce(tensor, reduction="sum")
        return total

    def any(self, *flags: bool) -> list[bool]:
        import torch
        from torch.distributed import ReduceOp, all_reduce

        # On the CPU: who asks at every step need not wait for its GPU.
        raised = torch.tensor(flags, dtype=torch.uint8)
        all_reduce(raised, ReduceOp.MAX, group=self.objects)
        return [bool(flag) for flag in raised.tolist()]


@cache
def processes() -> Processes:
    """The processes this one was started with."""
    return _Launched() if process_count() > 1 else Processes()
