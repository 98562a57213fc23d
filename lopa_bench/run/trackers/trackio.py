"""trackio: a local dashboard (``trackio show``) without an account, in ``$TRACKIO_DIR`` or the Hugging Face cache."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from lopa_bench.config.fields import settings
from lopa_bench.run.trackers.base import RunInfo, Tracker, Window


@settings
class Trackio(Tracker):
    """A run that goes on after an interruption goes on under the same name."""

    package: ClassVar[str | None] = "trackio"

    project: str

    def open(self, run: RunInfo) -> Window:
        import trackio  # noqa: F401  # now: a run is told at its start where the package is not there

        return _Window(self.project, run)


class _Window(Window):
    def __init__(self, project: str, run: RunInfo) -> None:
        self.project, self.info = project, run
        self.run: Any = None
        self.step = self.shown = 0

    def begin(self, step: int) -> None:
        import trackio
        from trackio.sqlite_storage import SQLiteStorage

        name = f"{self.info.name} {self.info.identity}"
        with _quiet():
            if step <= 1:
                SQLiteStorage.delete_run(self.project, name)
            else:  # what was shown stays; it is not shown again
                self.shown = SQLiteStorage.get_max_step_for_run(self.project, name) or 0
            self.run = trackio.init(
                self.project,
                name=name,
                group=self.info.group,
                config={**self.info.config, "tags": list(self.info.tags)},
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.step = step
        if step > self.shown:
            self.run.log(dict(values), step=step)

    def close(self, metrics: Mapping[str, float] | None) -> None:
        if self.run is None:
            return
        import trackio

        with _quiet():
            if metrics is not None:
                self.run.log({f"result/{name}": value for name, value in metrics.items()}, step=self.step)
            trackio.finish()  # the run's own `finish` is done again, and told of, when the process ends


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Standard output is the run's own, which other programs may read."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
