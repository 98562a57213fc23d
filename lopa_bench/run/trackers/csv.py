"""``tracker.csv`` in the run directory: a line for every value, as it comes."""

from __future__ import annotations

import csv
from collections.abc import Mapping

from lopa_bench.config.fields import settings
from lopa_bench.run.trackers.base import RunInfo, Tracker, Window

COLUMNS = ("step", "name", "value")


@settings
class Csv(Tracker):
    def open(self, run: RunInfo) -> Window:
        return _Window(run)


class _Window(Window):
    def __init__(self, run: RunInfo) -> None:
        self.file = (run.directory / "tracker.csv").open("a+", encoding="utf-8", newline="")
        self.writer = csv.writer(self.file, lineterminator="\n")
        self.begun = False

    def _begin(self, step: int) -> None:
        """Keep what the file has from before this step: a killed run goes on from its checkpoint, with force=true from the first."""
        self.file.seek(0)
        kept = [row for row in list(csv.reader(self.file))[1:] if int(row[0]) < step]
        self.file.truncate(0)
        self.writer.writerows([COLUMNS, *kept])
        self.begun = True

    def log(self, values: Mapping[str, float], step: int) -> None:
        if not self.begun:
            self._begin(step)
        self.writer.writerows((step, name, value) for name, value in values.items())
        self.file.flush()

    def close(self, metrics: Mapping[str, float] | None) -> None:
        self.file.close()
