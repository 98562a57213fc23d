"""The rows that a run reads, from memory if an earlier job of the process read the same files. Imports no torch."""

from __future__ import annotations

from lopa_bench.config.schema import Config
from lopa_bench.host.shelf import Shelf
from lopa_bench.run.identity import digest
from lopa_bench.tasks.apart import say_held_out
from lopa_bench.tasks.places import find_files
from lopa_bench.tasks.rows import Records, load_records

RECORDS: Shelf[Records] = Shelf(2)  # what jobs of one process share


def read_records(config: Config) -> Records:
    """The task's rows, with a validation split where epochs are selected on one."""
    source, holdout = config.data, config.selection == "holdout"
    found = find_files(config.task, source, config.selection).values() if source.source == "files" or source.own else ()
    files = [(str(path), path.stat().st_mtime_ns, path.stat().st_size) for path, _ in found]
    key = digest({"data": vars(source), "task": config.resolved["task"], "holdout": holdout, "files": files})

    def read() -> Records:
        records = load_records(config.task, source, config.offline, config.selection)
        if not holdout or records.validation is not None:
            return records
        divided = records.with_holdout(config.task.input_of)
        if source.own and divided.validation:
            say_held_out(config.task, divided.train, divided.validation)
        return divided

    return RECORDS.get(key, read)
