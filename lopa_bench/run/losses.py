"""A run's losses, read from the device from time to time."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from lopa_bench.errors import TrainingDiverged
from lopa_bench.host.processes import Processes
from lopa_bench.run.progress import Progress


class LossLog:
    """Collects losses on the device and reads them every `every` steps, so that a step never waits for the host."""

    def __init__(self, progress: Progress, every: int, together: Processes) -> None:
        self.progress, self.every, self.together = progress, every, together
        self.pending: list[tuple[int, float, Tensor, Tensor]] = []
        self.last = math.nan

    def add(self, loss: Tensor, norm: Tensor, lr: float) -> None:
        self.pending.append((self.progress.step, lr, loss, norm))
        if len(self.pending) >= self.every:
            self.flush()

    def state(self) -> dict[str, Any]:
        """For a checkpoint, which any number of processes may go on from: the losses of all of them. Every process must ask for it."""
        whole = self.together.sum(torch.stack([loss for _, _, loss, _ in self.pending])) if self.pending else ()
        pending = [(step, lr, loss, norm) for (step, lr, _, norm), loss in zip(self.pending, whole, strict=True)]
        return {"pending": pending, "last": self.last}

    def resume(self, progress: Progress, state: dict[str, Any], device: torch.device) -> None:
        self.progress, self.last = progress, state["last"]
        part = 1.0 if self.together.main else 0.0  # of a sum over all processes, once
        self.pending = [
            (step, lr, part * loss.to(device), norm.to(device)) for step, lr, loss, norm in state["pending"]
        ]

    def flush(self) -> None:
        """Write the mean of the pending losses as a history row. Raises `TrainingDiverged`."""
        if not self.pending:
            return
        steps, rates, losses, norms = zip(*self.pending, strict=True)
        values = self.together.sum(torch.stack(losses)).tolist()
        for step, rate, value in zip(steps, rates, values, strict=True):
            if not math.isfinite(value):
                raise TrainingDiverged(step=step + 1, lr=rate, last_good=self.last)
            self.last = value
        norm = norms[-1].item()
        self.progress.gradient_norm = {"first": norms[0].item(), **self.progress.gradient_norm, "last": norm}
        row = {
            "step": steps[-1] + 1,
            "epoch": self.progress.epoch + 1,
            "loss": sum(values) / len(values),
            "lr": rates[-1],
        }
        self.progress.history.append(row)
        self.pending.clear()
