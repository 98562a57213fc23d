"""Results are facts: identified by what determines them, written once and whole, never edited."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from lopa_bench.errors import UserError
from lopa_bench.host.files import make_folder, read_bytes, remove_temporaries, sha256, writing
from lopa_bench.host.lease import CLOCK, Lease
from lopa_bench.results.record import File, NotAResult, OtherSchema, Result, parse, unaltered

RESULT, CONFIG, TRAINED = "result.json", "config.yaml", "trained.safetensors"
HISTORY, PREDICTIONS = "history.csv", "predictions.jsonl"  # published as .gz
LOCK, PROGRESS = "run.lock", "progress.json"  # of a run that goes on
FAILED = "failed"  # the stage there of one that ended with an error


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
        make_folder(self.path, key="results_dir")

    def result(self) -> Result | None:
        """The finished result; None where there is none, or where a file that it lists is missing or another: such a run is made again.

        Raises:
            UserError: a result of another schema version, which may be newer than this one.
        """
        path = self.path / RESULT
        try:
            content = read_bytes(path)
            found = parse(content)
        except OtherSchema as error:
            raise UserError(f"{path}: {error}; move it away, or overwrite it with force=true") from None
        except (UserError, NotAResult):
            return None
        whole = PREDICTIONS in found.files and (self.path / CONFIG).is_file() and unaltered(content)
        whole = whole and all(is_as_written(self.path / name, file) for name, file in found.files.items())
        return found if whole else None

    @contextlib.contextmanager
    def lease(self) -> Iterator[None]:
        """Make the directory and keep other processes out of it for the time of the block.

        Raises:
            Busy: another living process does the run.
        """
        made = [self.path, *itertools.takewhile(lambda folder: not os.path.exists(folder), self.path.parents)]
        self.create()
        try:
            with Lease(self.path / LOCK):
                remove_temporaries(self.path, spared=(f".{LOCK}.", CLOCK))  # of processes that ask for the lease
                yield
                (self.path / PROGRESS).unlink(missing_ok=True)
        except UserError as error:
            if type(error) is UserError:  # refused, not failed: nothing was made, so nothing is left
                (self.path / PROGRESS).unlink(missing_ok=True)
                # What is not empty stays: the checkpoint of an earlier try, or by now another run.
                with contextlib.suppress(OSError):
                    for folder in made:
                        folder.rmdir()
            raise

    def write(
        self,
        result: Result,
        config: Mapping[str, Any],
        history: Sequence[Mapping[str, float]],
        predictions: Sequence[Mapping[str, Any]],
        files: Mapping[str, bytes],
    ) -> Result:
        """Write all files, ``result.json`` last; an older result stays until all of the new one is on the disk.

        Returns:
            The result with what was written beside it.

        Raises:
            RunFailed: a file cannot be written.
        """
        contents = {
            **files,
            HISTORY: as_csv(history).encode(),
            PREDICTIONS: as_lines(predictions),
        }
        written = result.with_files(contents)
        # It names this machine's folders, so it is no fact of the result.
        own = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True)
        old = (RESULT, f"{HISTORY}.gz", f"{PREDICTIONS}.gz")  # must not stand beside new files
        _write_together(self.path, {RESULT: written.to_json().encode(), CONFIG: own.encode(), **contents}, old)
        return written


def _write_together(folder: Path, contents: Mapping[str, bytes], superseded: Iterable[str]) -> None:
    """Write files of one folder, then remove the `superseded` ones and put the new ones into place, the first of them last.

    Raises:
        RunFailed: one cannot be written; all are as they were.
    """
    with contextlib.ExitStack() as stack:
        for name, content in contents.items():
            file = stack.enter_context(writing(folder / name, durable=False))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # not by `writing`: once one file is in its place no disk may turn out to be full
        for name in superseded:
            (folder / name).unlink(missing_ok=True)


def is_as_written(path: Path, file: File) -> bool:
    """Whether a file is there in its length and with its content."""
    try:
        return path.stat().st_size == file.bytes and sha256(path) == file.sha256
    except (OSError, UserError):
        return False


def check_no_scale(root: Path, scale: str) -> None:
    """Raise `UserError` for a scale's own folder in the place of the results directory: its runs would not be found."""
    if not (root / scale).is_dir() and next(root.glob("*/*/*/*/result.json"), None):  # TASK/MODEL/METHOD/RUN
        parent = root.parent if root.name else Path("..")  # of "."
        raise UserError(f"results_dir={root}: it is a scale's folder: give its parent, results_dir={parent}")


def result_files(folder: Path) -> list[Path]:
    """Every ``result.json`` below a folder, in the order of their paths; behind links to folders too, but no folder twice."""
    found, roots, seen = list[str](), [str(folder)], set[str]()
    for root in roots:  # it grows: links come after what lies here itself, and may lead back up
        real = os.path.realpath(root)
        for where, folders, files in os.walk(root):
            here = real + where[len(root) :]
            if here in seen:
                folders.clear()
                continue
            seen.add(here)
            found += [where] if RESULT in files else []
            roots += [path for name in sorted(folders) if os.path.islink(path := os.path.join(where, name))]
    return [Path(where, RESULT) for where in sorted(found, key=lambda where: where.split(os.sep))]


def place(results_dir: Path, scale: str, task: str, model: str, method: str, run: str) -> Path:
    """Where a run writes its ``result.json``; `run` is ``<seed>-<digest>``."""
    return results_dir / scale / task / model / method / run / RESULT


def place_of(result: Result, results_dir: Path) -> Path:
    """Where the run wrote this result: what lies there is no copy."""
    names = (result.scale, result.task, result.model, result.method)
    return place(results_dir, *names, f"{result.seed}-{result.digest}")


def kept(path: Path) -> Path:
    """The file of a run, or where there is none the packed one of a published run."""
    return path if path.exists() else path.with_name(f"{path.name}.gz")


def as_lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows as JSON, one a line. A lone surrogate in a generated text cannot be UTF-8; it is written as its JSON escape."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode("utf-8", "backslashreplace")


def as_csv(rows: Sequence[Mapping[str, float]]) -> str:
    """Rows as CSV; columns in order of first appearance, absent values empty."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def check_finished(run: Path) -> None:
    """Raise `UserError` unless `run` is the directory of a finished run."""
    if not (run / RESULT).is_file():
        raise UserError(f"run={run}: there is no finished run ({RESULT}) there")


def load_result(run: Path | str) -> tuple[Path, Result]:
    """The ``result.json`` of a run directory (or the file itself), checked.

    Raises:
        UserError: no result there, a corrupt one, or one of another schema version.
    """
    path = Path(run)
    path = path / RESULT if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"{run}: no {RESULT} there; give the directory of a finished run")
    try:
        return path, parse(read_bytes(path))
    except NotAResult as error:
        raise UserError(f"{path}: {error}") from None
