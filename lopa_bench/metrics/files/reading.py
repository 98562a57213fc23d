"""Reading files of outputs and references: what all formats share.

Text is UTF-8. Where an official scorer would misread a file without a word (a byte order mark is a letter of the first
word to it, a wrong count a shift of all lines), this says so instead.
"""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lopa_bench.errors import UserError
from lopa_bench.host.files import parse_json, read_bytes

Texts = list[list[str]]
TABLES = (".csv", ".tsv", ".jsonl", ".json", ".parquet")  # whose lines are no texts


def read_text(path: Path, *, marked: bool = False) -> str:
    """A file's text; `marked` drops a byte order mark, which is an error otherwise.

    Raises:
        UserError: there is no such file, it is none (a pipe, a device), it is too large, not UTF-8, or empty.
    """
    data = read_bytes(path)
    if data.startswith(codecs.BOM_UTF8):
        if not marked:
            raise UserError(
                f"{path}: begins with a byte order mark, which the official scorer reads as text; save without"
            )
        data = data.removeprefix(codecs.BOM_UTF8)
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}, line {line}: byte 0x{data[error.start]:02X} is not UTF-8; save as UTF-8") from None
    if not text:
        raise UserError(f"{path}: is empty")
    return text


def read_lines(path: Path, *, marked: bool = False) -> list[str]:
    """One text per line, stripped. An empty line is an empty text; the newline at the end of the file is none."""
    return [line.strip() for line in read_text(path, marked=marked).removesuffix("\n").split("\n")]


def read_json(path: Path) -> Any:
    """A file's JSON. Raises `UserError` where it is none, or an object has a key twice."""
    return parse_json(read_text(path, marked=True), str(path))


def read_jsonl(path: Path, keys: Sequence[str]) -> list[dict[str, Any]]:
    """One object per line, blank lines skipped; `keys` must be in each, and there must be one."""
    rows = []
    for number, line in enumerate(read_text(path, marked=True).split("\n"), 1):
        if not line.strip():
            continue
        row = parse_json(line, f"{path}, line {number}")
        absent = [key for key in keys if not isinstance(row, dict) or key not in row]
        if absent:
            raise UserError(f"{path}, line {number}: no {', '.join(absent)}")
        rows.append(row)
    if not rows:
        raise UserError(f"{path}: has no rows")
    return rows


def check_counts(predictions: Path, outputs: Sequence[Any], references: Path, groups: Sequence[Any], unit: str) -> None:
    """Raise `UserError` unless there are as many outputs as groups of references."""
    if len(outputs) != len(groups):
        raise UserError(f"{predictions} has {len(outputs)} prediction(s) and {references} {len(groups)} {unit}")
