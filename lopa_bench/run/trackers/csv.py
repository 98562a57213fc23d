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
        self.file = (run.directory / "tracker.csv").open("a+", encoding="utf-8", errors="replace", newline="")
        self.writer = csv.writer(self.file, lineterminator="\n")

    def begin(self, step: int) -> None:
        """Lines that are none of a tracker's, as an editor may leave, go as well."""
        self.file.seek(0)
        lines = [line for line in csv.reader(self.file) if len(line) == len(COLUMNS) and line[0].isdecimal()]
        self.file.truncate(0)
        self.writer.writerows([COLUMNS, *(line for line in lines if int(line[0]) < step)])

    def log(self, values: Mapping[str, float], step: int) -> None:
        self.writer.writerows((step, name, value) for name, value in values.items())
        self.file.flush()

    def close(self, metrics: Mapping[str, float] | None) -> None:
        self.file.close()
