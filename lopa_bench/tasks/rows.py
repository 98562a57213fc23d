"""Rows of a task from any source, under one set of field names. Imports no torch."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from lopa_bench.config.nearest import hint
from lopa_bench.config.schema import Data
from lopa_bench.errors import UserError
from lopa_bench.tasks.apart import check_apart
from lopa_bench.tasks.base import Record, Task
from lopa_bench.tasks.places import find_files, spelled_slice
from lopa_bench.tasks.sources import EMBEDDED, embedded, hub_rows
from lopa_bench.tasks.tables import Broken, Numbered, marked, numbered, read_table, without_broken

# The part of a table that may be broken: QQP's training file has such rows, which GLUE's readers leave out.
BROKEN_ROWS = 0.001
REPORTED = "test"  # the split whose rows are all scored
HOLDOUT_FRACTION, HOLDOUT_SEED = 0.1, 9876  # the part of train that epochs are selected on, the same for every run


@dataclass(frozen=True)
class Records:
    """A task's splits. `test` is the reported one; `validation` is None where the source has none beside it."""

    train: list[Record]
    validation: list[Record] | None
    test: list[Record]
    files: dict[str, str]  # split -> what was read, without the folder
    left_out: dict[str, int] = dataclasses.field(
        default_factory=dict
    )  # split -> rows that gave no example, where there are any

    @cached_property
    def fingerprints(self) -> dict[str, str]:
        """Split -> SHA-256 over its rows (first 16 digits)."""
        splits = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: fingerprint(rows) for name, rows in splits.items() if rows is not None}

    def with_holdout(self, input_of: Callable[[Record], str | None] = lambda record: None) -> Records:
        """The same with a validation split: the source's own, else a tenth of train drawn once and for all.

        Args:
            input_of: what tells records of one input (`Task.input_of`), of which none is trained on where one is held out.
        """
        if self.validation is not None:
            return self
        inputs = [i if (read := input_of(row)) is None else read for i, row in enumerate(self.train)]
        order: list[int | str] = list(dict.fromkeys(inputs))
        random.Random(HOLDOUT_SEED).shuffle(order)
        if len(order) < 2:
            rows = "training row" if len(inputs) < 2 else "input in all training rows"
            raise UserError(f"selection=holdout: {len(order)} {rows} leaves none to train on; nearest: selection=last")
        held = set(order[: max(1, round(HOLDOUT_FRACTION * len(order)))])
        train, validation = (
            [row for row, own in zip(self.train, inputs, strict=True) if (own in held) is wanted]
            for wanted in (False, True)
        )
        return replace(self, train=train, validation=validation)


def fingerprint(rows: Iterable[Record]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True, default=str).encode())
    return digest.hexdigest()[:16]


def load_records(task: Task, data: Data, offline: bool, selection: str = "holdout") -> Records:
    """Read all splits of `task`, `data.limit` rows of each and `data.train_limit` of the training split.

    Args:
        selection: of epochs, as of a run: only ``holdout`` reads the validation split, which then is to be apart from the others.

    Raises:
        UserError: a missing folder or file, a file or a row that cannot be read, a missing column, an empty split.
    """
    files: dict[str, str] = {}
    splits: dict[str, Numbered]
    if data.source == "files" or data.own:
        found = find_files(task, data, selection)
        splits = {split: _part(numbered(read_table(path, task.header)), rows) for split, (path, rows) in found.items()}
        files = {
            split: _without(data.dir, path) + (spelled_slice(rows) if data.own else "")
            for split, (path, rows) in found.items()
        }
    elif data.source in EMBEDDED:
        splits = {split: numbered(rows) for split, rows in embedded(task, data.source).items()}
    else:
        splits = {split: numbered(rows) for split, rows in hub_rows(task, offline).items()}
    kept = {split: _part(rows, slice(data.limit)) for split, rows in splits.items()}
    kept["train"] = _spaced(kept["train"], data.train_limit)
    called = {split: f"{split} split" + (f" ({files[split]})" if data.own else "") for split in kept}
    usable = {split: _usable(task, split, part, data.skip_broken, called[split]) for split, part in kept.items()}
    left_out = {split: len(kept[split]) - len(rows) for split, rows in usable.items() if len(rows) < len(kept[split])}
    if data.own:
        check_apart(task, data, usable, selection)
    rows = {split: list(found.values()) for split, found in usable.items()}
    return Records(rows["train"], rows.get("validation"), rows["test"], files, left_out)


def _part(rows: Numbered, part: slice) -> Numbered:
    """Those of the rows that a slice of them has, under their own numbers."""
    return rows if part == slice(None) else dict(list(rows.items())[part])


def _usable(task: Task, split: str, rows: Numbered, skip: bool, called: str) -> dict[int, Record]:
    """The rows that examples are made of, under the task's field names.

    Rows of the reported split are left out if `skip` allows it, else they are an error. Of the others a few may be broken, and those
    that the task's own pipeline leaves out are; how many is said on standard error.

    Args:
        called: what a message calls the rows.
    """
    name = f"task={task.name}, {called}"
    every, reported = len(rows), split == REPORTED
    broken = every if skip else 0 if reported else int(BROKEN_ROWS * every)
    way_out = f"; rows of the {called} are left out with data.skip_broken=true only" if reported else ""
    whole = without_broken(name, marked(named_fields(task, called, rows), task.fault, name), broken, way_out)
    wanted = marked(whole, task.left_out, name)
    used = without_broken(name, wanted, every if skip or not reported else 0, way_out)
    if not used:
        raise UserError(f"task={task.name}: none of the {every} rows of the {called} can be used")
    return used


def _without(folder: str | None, path: Path) -> str:
    """A file's name without the folder of the data: results are told nothing of the machine."""
    return str(path.relative_to(folder)) if folder and path.is_relative_to(folder) else path.name


def _spaced(rows: Numbered, count: int | None) -> Numbered:
    """`count` rows at even distances: files may be sorted by what they tell of."""
    if count is None or count >= len(rows):
        return rows
    numbers = list(rows)
    return {number: rows[number] for number in (numbers[n * len(rows) // count] for n in range(count))}


def read_rows(path: Path, header: bool = True, tolerated: float = BROKEN_ROWS) -> list[Record]:
    """The rows of a file, as `read_table` reads them, without the broken ones.

    Args:
        tolerated: the part of the rows that may be broken; where more are, the first is an error.
    """
    rows = read_table(path, header)
    return list(without_broken(str(path), numbered(rows), int(tolerated * len(rows))).values())


def named_fields(task: Task, called: str, rows: Numbered) -> Numbered:
    """Rename columns to the task's field names; other columns are dropped. What the rows are `called`: ``test split``."""
    return renamed(task, f"the {called}", rows, task.columns)


def asked_fields(task: Task, inputs: Path) -> list[Record]:
    """The rows of a file of new inputs under the task's field names, without those of the answer.

    Raises:
        UserError: a file or a row that cannot be read, a missing column.
    """
    where = f"inputs={inputs}"
    asked = {field: names for field, names in task.columns.items() if field not in task.answer_fields}
    rows = renamed(task, where, numbered(read_table(inputs, task.header)), asked)
    return list(without_broken(where, marked(rows, task.fault, where), 0).values())


def renamed(task: Task, where: str, rows: Numbered, columns: Mapping[str, Sequence[str]]) -> Numbered:
    """Rows with the first of each field's candidate columns under the field's name, broken where they have nothing in it.

    Without `columns`, as they are.

    Raises:
        UserError: there are no rows, or none has a column for a field.
    """
    read = [row for row in rows.values() if not isinstance(row, Broken)]
    if not rows:
        raise UserError(f"task={task.name}: {where} has no rows")
    if not columns or not read:
        return rows
    there = dict.fromkeys(name for row in read for name in row)
    chosen = {}
    for field, candidates in columns.items():
        present = [name for name in candidates if name in there]
        if not present:
            raise UserError(
                f"task={task.name}: {where} has no column {' or '.join(candidates)}; it has {', '.join(there)}"
                + (hint(candidates[0], there) or _without_header(read))
            )
        chosen[field] = present[0]

    def named(number: int, row: Record | Broken) -> Record | Broken:
        if isinstance(row, Broken):
            return row
        if lacking := next((column for column in chosen.values() if row.get(column) is None), None):
            what = f"no {lacking}"
            return Broken(f"row {number}", what, f"task={task.name}: row {number} of {where} has {what}")
        return {field: row[column] for field, column in chosen.items()}

    return {number: named(number, row) for number, row in rows.items()}


def _without_header(rows: Sequence[Record]) -> str:
    """The way out where the columns' names are a row: one of them is among its own column's values."""
    if not any(row[name] == name for row in rows for name in row):
        return ""
    return "; if its first line is a row: task.header=false, and columns are " + ", ".join(
        f"{{{number}}}" for number in range(len(rows[0]))
    )
