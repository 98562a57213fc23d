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
        import trackio

        with _quiet():
            return _Window(
                trackio.init(
                    self.project,
                    name=f"{run.name} {run.identity}",
                    group=run.group,
                    config={**run.config, "tags": list(run.tags)},
                    resume="allow",
                    embed=False,
                    auto_log_gpu=False,
                    auto_log_cpu=False,
                )
            )


class _Window(Window):
    def __init__(self, run: Any) -> None:
        self.run, self.step = run, 0

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.step = step
        self.run.log(dict(values), step=step)

    def close(self, metrics: Mapping[str, float] | None) -> None:
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
