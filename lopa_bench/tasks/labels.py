"""Labels of predictions and references from files, matched by their ``index`` columns where they have them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lopa_bench.errors import UserError
from lopa_bench.metrics.files.reading import check_counts, read_lines
from lopa_bench.tasks.rows import read_rows

INDEX = ("index", "idx")  # the column's names in GLUE's files and on the hub
# The answers' column in a run's predictions.jsonl and in a file that is submitted to GLUE. They come before the task's label columns:
# beside them those hold what is true.
PREDICTED = ("predicted_label", "prediction")


@dataclass(frozen=True)
class Labels:
    """The labels of a file in its order, and the row of the split that each is of, where the file says so."""

    path: Path
    labels: Sequence[str]
    index: Sequence[str] | None


def read_labels(path: Path, columns: Sequence[str], header: bool = True) -> Labels:
    """One label a line, or the first of `columns` of a .tsv or .jsonl table.

    Args:
        header: whether a .tsv begins with the names of its columns; one of answers, which names its column, does in any case.

    Raises:
        UserError: no such column, or a row without a value.
    """
    if path.suffix.lower() not in (".tsv", ".jsonl"):
        return Labels(path, read_lines(path, marked=True), None)
    rows = read_rows(path, header, tolerated=0)  # a row left out would move all that follow
    if not header and rows and not {*PREDICTED}.isdisjoint(columns) and not {*PREDICTED}.isdisjoint(rows[0].values()):
        rows = read_rows(path, tolerated=0)
    column = next((name for name in columns if rows and name in rows[0]), None)
    if column is None:
        raise UserError(f"{path}: no column {' or '.join(columns)}")
    for number, row in enumerate(rows, 1):
        if row.get(column) is None:
            raise UserError(f"{path}, row {number}: no {column}")
    labels = [str(row[column]) for row in rows]
    name = next((name for name in INDEX if name in rows[0]), None)
    return Labels(path, labels, None if name is None else [str(row.get(name)) for row in rows])


def matched(predictions: Labels, references: Labels) -> tuple[list[str], list[str]]:
    """Predicted and true labels in the references' order. Without an index in the predictions they are in that order already.

    Raises:
        UserError: another number of them, an index that stands there twice, or a row that only one of the files has.
    """
    check_counts(predictions.path, predictions.labels, references.path, references.labels, "label(s)")
    if predictions.index is None:
        return list(predictions.labels), list(references.labels)
    rows = references.index or [str(number) for number in range(len(references.labels))]
    for path, index in ((predictions.path, predictions.index), (references.path, rows)):
        if twice := [value for value, count in Counter(index).items() if count > 1]:
            raise UserError(
                f"{path}: {len(twice)} of its rows stand there more than once, the first has index {twice[0]}"
            )
    predicted = dict(zip(predictions.index, predictions.labels, strict=True))
    if missing := [row for row in rows if row not in predicted]:
        raise UserError(
            f"{predictions.path}: no prediction for {len(missing)} of the rows of {references.path}, the first has index {missing[0]}"
        )
    return [predicted[row] for row in rows], list(references.labels)
