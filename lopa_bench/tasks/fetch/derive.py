"""Files that are made from others: same rows, another form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable


def numbered_rows(content: bytes) -> bytes:
    """``{"0": row, "1": row, …}`` -> JSON Lines, the number as ``idx``."""
    rows = json.loads(content)
    return _lines({"idx": int(number), **row} for number, row in rows.items())


def entry_a_line(content: bytes) -> bytes:
    """WebNLG's ``{"entries": […]}`` without its white space, one entry a line."""
    entries = json.loads(content)["entries"]
    lines = [json.dumps(entry, ensure_ascii=False, separators=(",", ":"), sort_keys=True) for entry in entries]
    return ('{"entries":[\n' + ",\n".join(lines) + "\n]}\n").encode()


def without_rows_of(every: bytes, others: bytes) -> bytes:
    """The MSR paraphrase rows that are not among `others`, by their two IDs: how GLUE makes MRPC's train split."""
    taken = {tuple(line.split("\t")[1:3]) for line in others.decode().splitlines()[1:]}
    header, *rows = every.decode().replace("\r\n", "\n").split("\n")
    kept = [row for row in rows if row and tuple(row.split("\t")[1:3]) not in taken]
    return ("\n".join([header, *kept]) + "\n").encode()


def _lines(rows: Iterable[object]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


HOW: dict[str, Callable[..., bytes]] = {
    "numbered_rows": numbered_rows,
    "entry_a_line": entry_a_line,
    "without_rows_of": without_rows_of,
}
