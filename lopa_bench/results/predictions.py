"""A run's predictions, line by line."""

from __future__ import annotations

import gzip
import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lopa_bench.errors import UserError


def read_predictions(result_path: Path) -> list[dict[str, Any]]:
    """The lines of ``predictions.jsonl`` (or ``.jsonl.gz``) beside a ``result.json``, if any.

    Raises:
        UserError: a damaged file, or a line that is no prediction.
    """
    for name, opener in (("predictions.jsonl", open), ("predictions.jsonl.gz", gzip.open)):
        path = result_path.with_name(name)
        if path.is_file():
            try:
                with opener(path, "rt", encoding="utf-8") as lines:
                    predictions = [json.loads(line) for line in lines]
            except (OSError, EOFError, zlib.error, ValueError) as error:
                raise UserError(f"{path}: not one JSON object a line ({error})") from error
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
