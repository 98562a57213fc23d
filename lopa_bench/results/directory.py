"""Results are facts: identified by what determines them, written once and whole, never edited."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lopa_bench.errors import UserError
from lopa_bench.host.files import remove_temporaries, write_bytes, write_text
from lopa_bench.host.lease import CLOCK, Lease

SCHEMA = 2  # of result.json
_REQUIRED = ("metric", "metrics", "metrics_per_split", "reported_split")  # what a sweep and the end of a run show
PREDICTIONS = "predictions.jsonl"
LOCK, PROGRESS = "run.lock", "progress.json"  # of a run that goes on


@dataclass(frozen=True)
class RunDirectory:
    """Where one run's files lie. ``result.json`` is written last: a directory without it is not a result.

    Attributes:
        determining: the values that the run's number depends on. digest: of them.
    """

    path: Path
    digest: str
    determining: Mapping[str, Any]

    def create(self) -> None:
        """Make the directory. Raises `UserError` if that is not allowed."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"results_dir: {self.path} cannot be made ({error.strerror})") from error

    def result(self) -> dict[str, Any] | None:
        """The finished result, or None.

        None too where the predictions are gone, as from a published folder: tables can be made of it,
        but a run has to give all of its files. What is no whole result is run again.

        Raises:
            UserError: a result of another schema version, which may be newer than this one.
        """
        if not (self.path / PREDICTIONS).is_file():
            return None
        path = self.path / "result.json"
        try:
            found: Any = json.loads(path.read_bytes())
        except (OSError, ValueError, RecursionError):
            return None
        if not isinstance(found, dict) or "schema" not in found:
            return None
        if found["schema"] != SCHEMA:
            raise UserError(
                f"{path}: schema {found['schema']}, this version writes {SCHEMA}; move it away, or overwrite it with force=true"
            )
        return found if all(key in found for key in _REQUIRED) else None

    @contextlib.contextmanager
    def lease(self) -> Iterator[None]:
        """Make the directory and keep other processes out of it for the time of the block.

        Raises:
            Busy: another living process does the run.
        """
        self.create()
        with Lease(self.path / LOCK):
            remove_temporaries(self.path, spared=(f".{LOCK}.", CLOCK))  # of processes that ask for the lease
            yield
            (self.path / PROGRESS).unlink(missing_ok=True)

    def write(
        self,
        result: Mapping[str, Any],
        config: Mapping[str, Any],
        history: Sequence[Mapping[str, float]],
        predictions: Sequence[Mapping[str, Any]],
        files: Mapping[str, bytes],
    ) -> None:
        """Write all files, the named `files` first and ``result.json`` last. Raises `RunFailed` where that is not possible."""
        for old in ("result.json", f"{PREDICTIONS}.gz"):  # must not stand beside new files
            (self.path / old).unlink(missing_ok=True)
        for name, content in files.items():
            write_bytes(self.path / name, content)
        write_text(self.path / "config.yaml", yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True))
        write_text(self.path / "history.csv", as_csv(history))
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in predictions)
        # A lone surrogate in a generated text cannot be UTF-8; it is written as its JSON escape.
        write_bytes(self.path / PREDICTIONS, lines.encode("utf-8", "backslashreplace"))
        write_text(self.path / "result.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def as_csv(rows: Sequence[Mapping[str, float]]) -> str:
    """Rows as CSV; columns in order of first appearance, absent values empty."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
