"""TensorBoard event files in the run directory: ``tensorboard --logdir runs`` finds them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from lopa_bench.config.fields import settings
from lopa_bench.run.trackers.base import RunInfo, Tracker, Window


@settings
class TensorBoard(Tracker):
    package: ClassVar[str | None] = "tensorboard"

    def open(self, run: RunInfo) -> Window:
        return _Window(run)


class _Window(Window):
    def __init__(self, run: RunInfo) -> None:
        import json

        from torch.utils.tensorboard import SummaryWriter

        self.writer = SummaryWriter(str(run.directory / "tensorboard"))
        self.writer.add_text("config", f"```json\n{json.dumps(run.config, indent=1, default=str)}\n```")

    def log(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def close(self, metrics: Mapping[str, float] | None) -> None:
        for name, value in (metrics or {}).items():
            self.writer.add_scalar(f"result/{name}", value)
        self.writer.close()
