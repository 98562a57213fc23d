"""Rows of a user's file, those included that cannot be read: whoever asked decides what becomes of them. Imports no torch."""

from __future__ import annotations

import contextlib
import csv
import io
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lopa_bench.errors import UserError, in_a_line
from lopa_bench.host.extras import require
from lopa_bench.host.files import csv_reader, half_a_pair, parse_json, read_bytes
from lopa_bench.host.terminal import say
from lopa_bench.tasks.base import Record


@dataclass(frozen=True)
class Broken:
    """Stands in the place of a row that gives nothing.

    Attributes:
        place: where it is, such as ``line 502``.
        what: what it has instead of what it should have, such as ``too few columns``.
        message: the line that says so if it is an error.
    """

    place: str
    what: str
    message: str


Rows = list[Record | Broken]
Numbered = Mapping[
    int, Record | Broken
]  # by what a row is called: its place in its file, from 1, whatever part of that is read


def numbered(rows: Sequence[Record | Broken]) -> dict[int, Record | Broken]:
    """Rows by their places, from 1."""
    return dict(enumerate(rows, 1))


def without_broken(name: str, rows: Numbered, most: int, way_out: str = "") -> dict[int, Record]:
    """The rows that are not broken; how many are is said on standard error.

    Raises:
        UserError: more than `most` are.
    """
    broken = [row for row in rows.values() if isinstance(row, Broken)]
    if len(broken) > most:
        count = f" ({len(broken)} of {len(rows)} rows cannot be used)" if len(broken) > 1 else ""
        raise UserError(broken[0].message + count + way_out)
    if broken:
        what = broken[0].what + ("" if len({row.what for row in broken}) == 1 else " or other faults")
        count = f"{len(broken)} of {len(rows)} rows have {what}"
        say(f"{name}: {count} and are left out, the first is {broken[0].place}", error=True)
    return {number: row for number, row in rows.items() if not isinstance(row, Broken)}


def read_table(path: Path, header: bool = True) -> Rows:
    """Rows of a .tsv (GLUE's: no quoting, quote characters are text), .csv, .jsonl, .json or .parquet file; UTF-8, with or without a BOM.

    A .csv file is separated by commas; by semicolons or tabs where its header has no comma, as spreadsheets of many countries write it.
    Without a `header`, the columns of a .tsv or .csv file are called "0", "1", …
    A .json file is a list of rows or WebNLG's ``{"entries": [{"1": row}, {"2": row}, …]}``.

    Raises:
        UserError: no such file, or one that is not of its kind as a whole.
    """
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return _parquet(path)
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: byte {error.start} is not UTF-8; save it as UTF-8 (a spreadsheet: as CSV UTF-8)"
        ) from error
    if suffix == ".tsv":
        lines = [line.rstrip("\r") for line in text.split("\n")]
        cells = [(number, line.split("\t") if line else []) for number, line in enumerate(lines, 1)]
        return _named(path, cells, header, "")
    if suffix == ".csv":
        first = io.StringIO(text, newline=None).readline()
        separator = next((sign for sign in ",;\t" if sign in first), ",") if header else _separator(path, text)
        return _named(
            path, _csv_rows(path, text, separator), header, "; a comma inside a text needs quotes around the text"
        )
    if suffix == ".jsonl":
        rows = [parse_json(line, f"{path}:{n}") for n, line in enumerate(text.split("\n"), 1) if line.strip()]
    else:
        rows = _entries(_parsed(path, text))
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise UserError(f"{path}: not a list of rows with named columns")
    return [{name: _present(value) for name, value in row.items()} for row in rows]


def _parsed(path: Path, text: str) -> Any:
    """A .json file's content. Raises `UserError` for none, or for one that is called so with a row on each line."""
    try:
        return parse_json(text, str(path))
    except UserError as error:
        lines = [line for line in text.split("\n") if line.strip()]
        by_line = len(lines) > 1 and all(line.lstrip().startswith("{") for line in lines[:2])
        raise UserError(f"{error}{'; a file with a row on each line is called .jsonl' if by_line else ''}") from None


def _present(value: Any) -> Any:
    """None for NaN and the infinities, which Python writes into JSON where a value is missing."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _parquet(path: Path) -> Rows:
    """Rows with None in the place of each missing value."""
    require("pyarrow", f"{path}: Parquet")
    content = io.BytesIO(read_bytes(path))
    import pandas as pd

    try:
        frame = pd.read_parquet(content)
    except (OSError, ValueError, KeyError, TypeError, NotImplementedError) as error:  # KeyError: an unknown time zone
        raise UserError(f"{path}: not Parquet ({in_a_line(error)})") from error
    plain = frame.astype(object).where(frame.notna(), None)
    return [{str(name): value for name, value in row.items()} for row in plain.to_dict("records")]


def _separator(path: Path, text: str) -> str:
    """What divides every row of a file without a header into as many columns. Raises `UserError` where several signs do."""
    fit = []
    for sign in ",;\t":
        with contextlib.suppress(UserError):
            widths = {len(row) for _, row in _csv_rows(path, text, sign) if row}
            fit += [sign] if len(widths) == 1 and widths != {1} else []
    if len(fit) > 1:
        told = " or ".join(map(repr, fit))
        raise UserError(f"{path}: without a header it is not told whether {told} divides its columns; give it a header")
    return fit[0] if fit else ","


def _csv_rows(path: Path, text: str, separator: str) -> Iterable[tuple[int, list[str]]]:
    """Each row with the line that it ends on; of a blank line an empty one."""
    reader = csv_reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:  # a quote that is not closed or stands inside a text
        raise UserError(f"{path}:{reader.line_num}: not CSV ({error})") from error


def _named(path: Path, lines: Iterable[tuple[int, list[str]]], header: bool, hint: str) -> Rows:
    """Rows under the names of the first one, or, without a `header`, under their columns' numbers.

    Blank lines are passed over, but for one between the rows of a single column, where it may be a text: there it is broken.
    """
    every = list(lines)
    numbered = [(number, row) for number, row in every if row]
    first = numbered[0][1] if numbered else []
    if len(first) == 1:
        numbered = [(number, row) for number, row in every if numbered[0][0] <= number <= numbered[-1][0]]
    names = first if header else [str(number) for number in range(len(first))]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        way = f"two columns {twice!r}" if twice else "several columns without a name; take out those that are empty"
        raise UserError(f"{path}: the header has {way}")
    rows: Rows = []
    for number, row in numbered[1:] if header else numbered:
        if len(row) == len(names):
            rows.append(dict(zip(names, row, strict=True)))
            continue
        if not row:
            rows.append(
                Broken(f"line {number}", "no text", f"{path}:{number}: is blank among rows of one column; take it out")
            )
            continue
        what = "too few columns" if len(row) < len(names) else "too many columns"
        wrong = f"{path}:{number}: {len(row)} columns, the {'header' if header else 'first row'} has {len(names)}"
        rows.append(Broken(f"line {number}", what, wrong + (hint if len(row) > len(names) else "")))
    return rows


def _entries(content: Any) -> Any:
    """The rows of WebNLG's form, else the content as it is."""
    if not isinstance(content, dict) or not isinstance(content.get("entries"), list):
        return content
    if not all(isinstance(entry, dict) for entry in content["entries"]):
        return content["entries"]
    return [row for entry in content["entries"] for row in entry.values()]


def _half_a_sign(row: Record) -> str | None:
    """Which column has text that cannot be encoded."""
    found = ((name, half_a_pair(value)) for name, value in row.items())
    return next((f"half of a surrogate pair ({half}) in {name}" for name, half in found if half), None)


def marked(rows: Numbered, fault: Callable[[Record], str | None], name: str) -> dict[int, Record | Broken]:
    """The rows, and `Broken` in the place of each that `fault` finds something wrong with."""
    found = dict(rows)
    for number, row in rows.items():
        if not isinstance(row, Broken) and (wrong := _half_a_sign(row) or fault(row)):
            found[number] = Broken(f"row {number}", wrong, f"{name}: row {number} has {wrong}")
    return found
