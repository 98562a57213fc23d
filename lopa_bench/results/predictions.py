"""A run's predictions, line by line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lopa_bench.errors import UserError
from lopa_bench.host.files import parse_json, read_bytes


def read_predictions(result_path: Path) -> list[dict[str, Any]]:
    """The lines of ``predictions.jsonl`` (or ``.jsonl.gz``) beside a ``result.json``, if any.

    Raises:
        UserError: a damaged file, or a line that is no prediction.
    """
    for name in ("predictions.jsonl", "predictions.jsonl.gz"):
        path = result_path.with_name(name)
        if path.exists():
            try:
                lines = read_bytes(path).decode().split("\n")
            except UnicodeDecodeError as error:
                raise UserError(f"{path}: byte {error.start} is not UTF-8") from error
            predictions = [
                parse_json(line, f"{path}:{n}: not one JSON object a line") for n, line in enumerate(lines, 1) if line
            ]
            if not all(isinstance(prediction, dict) for prediction in predictions):
                raise UserError(f"{path}: not one JSON object a line")
            return predictions
    return []


def examples_of(predictions: Sequence[Mapping[str, Any]]) -> str:
    """A digest of which examples were predicted, in order."""
    told = [(line.get("index"), line.get("target")) for line in predictions]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=8).hexdigest()


def share_correct(line: Mapping[str, Any]) -> float:
    """The fraction that is right of an example's samples, those that count (not None)."""
    correct = line["correct"]
    return float(np.mean([each for each in correct if each is not None] if isinstance(correct, list) else correct))
