"""What can be seen of a run while it goes on: on standard error, in ``progress.json`` (``lopa-bench status``), in the tracker's window."""

from __future__ import annotations

import contextlib
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from lopa_bench.config.schema import Config
from lopa_bench.errors import RunFailed, in_a_line
from lopa_bench.host.counting import listening
from lopa_bench.host.files import write_text
from lopa_bench.host.terminal import say
from lopa_bench.results.directory import FAILED, PROGRESS, RunDirectory
from lopa_bench.run.progress import Progress
from lopa_bench.run.screen import Position, Screen
from lopa_bench.run.trackers.base import RunInfo, Window

SECONDS_BETWEEN_WRITES = 1.0


class Monitor:
    """Shows a run's stages and steps. A tracker that fails is reported once and left alone; the run goes on.

    Args:
        main: whether this process is the one of its run that shows anything.
    """

    def __init__(self, config: Config, directory: RunDirectory, main: bool = True) -> None:
        self.main = main
        self._screen = Screen(config, main)
        self._tracker, self._info = config.tracker, run_info(config, directory)
        self._window = Window()
        self._begun = False
        self._rows_sent = 0
        self._scores: Mapping[str, float] = {}
        self._metrics: Mapping[str, float] | None = None
        self._progress_file = directory.path / PROGRESS
        self._written_at = -math.inf
        self._epochs = self._total_steps = self._first_step = 0
        self._started = time.monotonic()

    def stage(self, what: str) -> None:
        """Say what happens before or after the steps."""
        self._screen.stop()
        self._write(stage=what)
        self._screen.say(what)

    @contextlib.contextmanager
    def counting(self, what: str) -> Iterator[None]:
        """Within the block, say now and then how many rows of a loop are done."""

        def tell(done: int, rows: int) -> None:
            told = f"{what}, {done:,} of {rows:,} rows"
            if time.monotonic() - self._written_at > SECONDS_BETWEEN_WRITES:
                self._write(stage=told)
            self._screen.say_sometimes(told)

        with listening(tell):
            yield

    def training(self, progress: Progress, total_steps: int, epochs: int) -> None:
        """The steps begin, or go on after `progress`."""
        if progress.step == total_steps:
            self._screen.say(f"trained already, {progress.step:,} steps")
        elif progress.step:
            self._screen.say(
                f"goes on after step {progress.step:,} of {total_steps:,}, in epoch {progress.epoch + 1} of {epochs}"
            )
        self._epochs, self._total_steps, self._first_step = epochs, total_steps, progress.step
        self._rows_sent = len(progress.history)
        self._begin(progress.step + 1)
        self._started = time.monotonic()
        self._screen.start(progress.step, total_steps)

    def step(self, progress: Progress, loss: float) -> None:
        position = self._position(progress, loss)
        self._screen.step(position)
        self._send(progress)
        if time.monotonic() - self._written_at > SECONDS_BETWEEN_WRITES:
            kept = ("epoch", "epochs", "step", "steps", "seconds_left")
            self._write(stage="training", **{name: getattr(position, name) for name in kept})

    def _position(self, progress: Progress, loss: float) -> Position:
        per_step = (time.monotonic() - self._started) / (progress.step - self._first_step)
        return Position(
            epoch=progress.epoch + 1,
            epochs=self._epochs,
            step=progress.step,
            steps=self._total_steps,
            seconds_left=round(per_step * (self._total_steps - progress.step), 1),
            rate=progress.examples / max(progress.seconds, 1e-9),
            loss=loss,
            scores=self._scores,
        )

    def scores(self, progress: Progress, scores: Mapping[str, float]) -> None:
        self._scores = scores
        self._send(progress)
        self._show(lambda: self._window.log(scores, progress.step))

    def _begin(self, step: int) -> None:
        self._begun = True
        self._show(lambda: self._window.begin(step))

    def done(self, metrics: Mapping[str, float]) -> None:
        """The run has its result."""
        if not self._begun:  # one without steps
            self._begin(1)
        self._metrics = metrics

    def _send(self, progress: Progress) -> None:
        for row in progress.history[self._rows_sent :]:
            values = {k: row[k] for k in ("loss", "lr", "epoch")}
            self._show(partial(self._window.log, values, int(row["step"])))
        self._rows_sent = len(progress.history)

    def _show(self, action: Callable[[], Any]) -> None:
        try:
            action()
        except Exception as error:  # whatever a tracking service or its package may raise
            say(f"lopa-bench: the tracker failed ({error}); the run goes on without it", error=True)
            self._window = Window()

    def _write(self, **what: Any) -> None:
        if self.main:
            with contextlib.suppress(RunFailed):  # a full disk ends a run where it writes what counts
                write_text(self._progress_file, json.dumps(what), durable=False)
            self._written_at = time.monotonic()

    def _open(self) -> None:
        self._window = self._tracker.open(self._info)

    def __enter__(self) -> Monitor:
        if self.main:
            self._show(self._open)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._screen.stop()
        if isinstance(error, Exception):  # an interrupted run goes on, as a failed one would fail
            self._write(stage=FAILED, why=in_a_line(error))
        self._show(lambda: self._window.close(self._metrics))


def run_info(config: Config, directory: RunDirectory) -> RunInfo:
    names = (config.task.name, config.method.name, config.model.name, config.scale)
    return RunInfo(
        name=f"{config.task.name}/{config.model.name}/{config.method.name}/{config.seed}",
        identity=f"{directory.digest}-{config.seed}",
        group=f"{config.task.name}/{config.method.name}",
        tags=tuple(dict.fromkeys(filter(None, names))),
        config=config.resolved,
        directory=directory.path,
    )
