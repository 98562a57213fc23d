"""Samples of MBXP and generations of CRUXEval, in the formats of their own scorers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lopa_bench.config.nearest import hint
from lopa_bench.errors import UserError
from lopa_bench.metrics.files.reading import Texts, read_json, read_jsonl


def read_mbpp(predictions: Path, problems: Path) -> tuple[list[dict[str, Any]], Texts]:
    """Problems of MBXP and the completions of each, from mxeval's samples.

    Raises:
        UserError: an unknown task, or one without a sample, which mxeval does not score either.
    """
    rows = _by_id(problems, "task_id", ("prompt", "test", "entry_point"))
    completions: dict[str, list[str]] = {task: [] for task in rows}
    for number, sample in enumerate(read_jsonl(predictions, ("task_id",)), 1):
        task = str(sample["task_id"])
        if task not in rows:
            raise UserError(f"{predictions}, sample {number}: {task} is not in {problems}{hint(task, rows)}")
        text = sample.get("completion", sample.get("generated_code"))
        if not isinstance(text, str):
            raise UserError(f"{predictions}, sample {number}: no text under completion or generated_code")
        completions[task].append(text)
    absent = [task for task, texts in completions.items() if not texts]
    if absent:
        raise UserError(f"{predictions}: no sample for {len(absent)} of {len(rows)} problems, the first is {absent[0]}")
    return list(rows.values()), list(completions.values())


def read_cruxeval(predictions: Path, problems: Path) -> tuple[list[dict[str, Any]], Texts]:
    """Problems of CRUXEval and the generations of each, from `{"sample_0": [text, …], …}`.

    Raises:
        UserError: another format, an unknown problem, or problems without a generation.
    """
    rows = _by_id(problems, "id", ("code", "input", "output"))
    given = read_json(predictions)
    if not isinstance(given, dict) or not all(_are_texts(texts) for texts in given.values()):
        raise UserError(f'{predictions}: not of the form {{"sample_0": ["generation", …], …}}')
    if unknown := next((name for name in given if name not in rows), None):
        raise UserError(f"{predictions}: {unknown} is not in {problems}{hint(unknown, rows)}")
    absent = [name for name in rows if not given.get(name)]
    if absent:
        raise UserError(
            f"{predictions}: no generation for {len(absent)} of {len(rows)} problems, the first is {absent[0]}"
        )
    return list(rows.values()), [given[name] for name in rows]


def _by_id(problems: Path, key: str, others: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The problems of a file by their names; raises `UserError` where two have the same, or one has no text under one of `others`."""
    rows: dict[str, dict[str, Any]] = {}
    for row in read_jsonl(problems, (key, *others)):
        if wrong := next((name for name in others if not isinstance(row[name], str)), None):
            raise UserError(f"{problems}: {key} {row[key]} has no text in {wrong}")
        if rows.setdefault(str(row[key]), row) is not row:
            raise UserError(f"{problems}: {key} {row[key]} is there twice")
    return rows


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(text, str) for text in value)
