"""Weights & Biases: online, offline (``wandb sync DIR/wandb/offline-run-*`` sends it later) or disabled."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from lopa_bench.config.fields import settings
from lopa_bench.run.trackers.base import RunInfo, Tracker, Window


@settings
class Wandb(Tracker):
    """`dir` gets a folder ``wandb``. A run that goes on after an interruption goes on under the same id."""

    package: ClassVar[str | None] = "wandb"
    how_to_log_in: ClassVar[str] = "wandb login, or tracker.mode=offline"

    project: str
    entity: str | None
    mode: Literal["online", "offline", "disabled"]
    dir: str

    def logged_in(self) -> bool | None:
        if self.mode != "online":
            return None
        netrc = Path.home() / ".netrc"  # where `wandb login` leaves its mark
        marked = netrc.is_file() and "api.wandb.ai" in netrc.read_text(errors="replace")
        return marked or bool(os.environ.get("WANDB_API_KEY"))

    def open(self, run: RunInfo) -> Window:
        import wandb

        Path(self.dir).mkdir(parents=True, exist_ok=True)
        return _Window(
            wandb.init(
                project=self.project,
                entity=self.entity,
                mode=self.mode,
                dir=self.dir,
                id=run.identity,
                resume="allow",
                name=run.name,
                group=run.group,
                tags=list(run.tags),
                config=dict(run.config),
                reinit="finish_previous",
                settings=wandb.Settings(silent=True, console="off"),
            )
        )


class _Window(Window):
    def __init__(self, run: Any) -> None:
        self.run = run

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.run.log(dict(values), step=step)

    def close(self, metrics: Mapping[str, float] | None) -> None:
        for name, value in (metrics or {}).items():
            self.run.summary[f"result/{name}"] = value
        self.run.finish(exit_code=0 if metrics is not None else 1)
