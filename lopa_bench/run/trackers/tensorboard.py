"""TensorBoard event files in the run directory: ``tensorboard --logdir runs`` finds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from lopa_bench.config.fields import settings
from lopa_bench.run.trackers.base import RunInfo, Tracker, Window


@settings
class TensorBoard(Tracker):
    package: ClassVar[str | None] = "tensorboard"

    def open(self, run: RunInfo) -> Window:
        return _Window(run)


class _Window(Window):
    def __init__(self, run: RunInfo) -> None:
        import torch.utils.tensorboard  # noqa: F401  # now: a run is told at its start where the package is not there

        self.run = run
        self.writer: Any = None

    def begin(self, step: int) -> None:
        import json

        from torch.utils.tensorboard import SummaryWriter

        folder = self.run.directory / "tensorboard"
        if step <= 1:
            for events in folder.glob("events.out.tfevents.*"):
                events.unlink()
        self.writer = SummaryWriter(str(folder), purge_step=step)  # what is shown of later ones is hidden
        self.writer.add_text("config", f"```json\n{json.dumps(self.run.config, indent=1, default=str)}\n```")

    def log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self, metrics: Mapping[str, float] | None) -> None:
        if self.writer is not None:
            for name, value in (metrics or {}).items():
                self.writer.add_scalar(f"result/{name}", value)
            self.writer.close()
