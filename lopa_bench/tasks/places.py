"""Where the files of a task's splits are."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lopa_bench.config.fields import SplitName
from lopa_bench.config.nearest import hint
from lopa_bench.config.schema import Data
from lopa_bench.errors import UserError
from lopa_bench.metrics.files.reading import TABLES
from lopa_bench.tasks.base import Task

# Splits that must not be the same rows, and what a number would be worth if they were.
APART: dict[tuple[SplitName, SplitName], str] = {
    ("test", "train"): "so a score would say nothing",
    ("validation", "train"): "so the epoch would be chosen by what it learnt (without data.validation a tenth of train is held out)",
    ("validation", "test"): "so the epoch would be chosen by the reported rows (selection=paper does that, and says so)",
}  # fmt: skip


def apart(selection: str) -> dict[tuple[SplitName, SplitName], str]:
    """Those of `APART` whose rows a run with this selection reads."""
    return {pair: reason for pair, reason in APART.items() if "validation" not in pair or selection == "holdout"}


def find_files(task: Task, data: Data, selection: str = "holdout") -> dict[SplitName, tuple[Path, slice]]:
    """Split -> its file, and which of the file's rows are the split: those that the user names, else the task's below ``data.dir``.

    Args:
        selection: of epochs, as of a run: only ``holdout`` reads the validation split.

    Raises:
        UserError: no such folder, or a file that is needed and not there.
    """
    if data.source != "files":
        raise UserError(
            f"data.source={data.source} reads no file of yours; leave it out where data.train=FILE is given"
        )
    if data.dir and not Path(data.dir).is_dir():
        raise UserError(f"data.dir={data.dir}: there is no such folder")
    return _own_files(data, selection) if data.own or not task.files else _task_files(task, data.dir)


def own_files(task: Task, read: Mapping[str, Any]) -> dict[str, str]:
    """The files that a run's user named in place of its task's, without their folder; none of a task whose rows are always one's own.

    Args:
        read: what its result says of its data.
    """
    if read["source"] != "files" or task.is_own:
        return {}
    usual = {split_slice(place)[0] for places in task.files.values() for place in places}
    named: dict[str, str] = read["files"] or {}
    return named if {split_slice(name)[0] for name in named.values()} - usual else {}


def _own_files(data: Data, selection: str) -> dict[SplitName, tuple[Path, slice]]:
    """The files that ``data.train``, ``data.validation`` and ``data.test`` name."""
    found: dict[SplitName, tuple[Path, slice]] = {}
    named: dict[SplitName, str | None] = {"train": data.train, "validation": data.validation, "test": data.test}
    for split, name in named.items():
        if name is None and split != "validation":
            raise UserError(f"data.{split} is needed: give data.{split}=FILE ({', '.join(TABLES)})")
        if name is not None:
            text, rows = split_slice(name)
            path = Path(data.dir or ".").expanduser() / Path(text).expanduser()
            if not path.exists():
                beside = [other.name for other in path.parent.glob("*") if other.suffix.lower() in TABLES]
                raise UserError(f"data.{split}={name}: there is no such file{hint(path.name, beside)}")
            if path.suffix.lower() not in TABLES:
                raise UserError(
                    f"data.{split}={name}: is none of {', '.join(TABLES)}; a spreadsheet is saved as CSV UTF-8"
                )
            found[split] = path, rows
    for (split, other), reason in apart(selection).items():
        if split in found and _share(found[split], found[other]):
            name = found[split][0].name
            raise UserError(
                f"data.{split}={named[split]}: the same rows as data.{other}={named[other]}, {reason}; name another file, "
                f"or parts: data.{other}={name}[:N] data.{split}={name}[N:]"
            )
    return found


def _share(one: tuple[Path, slice], another: tuple[Path, slice]) -> bool:
    """Whether two slices, counted from a file's first row, have a row in common."""
    (path, some), (other, others) = one, another
    if path.resolve() != other.resolve():
        return False
    stops = [part.stop for part in (some, others) if part.stop is not None]
    return not stops or max(some.start or 0, others.start or 0) < min(stops)


def _task_files(task: Task, folder: str | None) -> dict[SplitName, tuple[Path, slice]]:
    """The first of the task's candidate files of each split that exists below `folder`."""
    if nameless := [split for split in ("train", "test") if not task.files.get(split)]:
        split = nameless[0]
        raise UserError(f"task.files: task={task.name} names no file of {split}; nearest: task.files.{split}=[FILE]")
    if not folder:
        raise UserError("data.dir is needed with data.source=files: the folder that holds " + task.files["train"][0])
    found: dict[SplitName, tuple[Path, slice]] = {}
    for split, candidates in task.files.items():
        places = [(Path(folder) / name, rows) for name, rows in map(split_slice, candidates)]
        existing = [
            place for place in places if place[0].exists()
        ]  # what is none of its kind is refused when it is read
        if existing:
            found[split] = existing[0]
        elif split != "validation":
            raise UserError(
                f"data.dir={folder}: {' or '.join(candidates)} is not there (task={task.name}, {split}); "
                f"lopa-bench fetch {task.name} data.dir={folder} downloads it"
            )
    return found


def split_slice(name: str) -> tuple[str, slice]:
    """``"rows.jsonl[:400]"`` -> the file's name and the slice of its rows; without brackets all of them."""
    match = re.fullmatch(r"(.*)\[(\d*):(\d*)\]", name)
    if not match:
        return name, slice(None)
    start, stop = (int(bound) if bound else None for bound in match.groups()[1:])
    return match[1], slice(start, stop)


def spelled_slice(rows: slice) -> str:
    """A slice as `split_slice` reads it."""
    start, stop = ("" if bound is None else bound for bound in (rows.start, rows.stop))
    return "" if rows == slice(None) else f"[{start}:{stop}]"
