"""A run's predictions, line by line; as published, without what the runs of a task have in common.

A published ``predictions.jsonl.gz`` starts with ``{"examples": DIGEST, "keys": [...], "some": [...]}``: the keys of the lines in their
order, those of them that not every line has, and which ``examples-DIGEST.jsonl.gz`` of the task's folder has those of `EXAMPLE`. Put
together they are what the run wrote, byte by byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from lopa_bench.errors import UserError
from lopa_bench.host.files import parse_json, read_bytes
from lopa_bench.results.directory import PREDICTIONS, as_lines, kept

# Keys of a line that say what was asked, whoever answers: most of its bytes. Packed, a number that grows by one is most of the rest.
EXAMPLE = ("index", "input", "target", "references", "label")
_HEAD = b'{"examples": '


def read_predictions(result_path: Path) -> list[dict[str, Any]]:
    """The lines of ``predictions.jsonl``, as the run wrote it or as it is published, beside a ``result.json``; none: no file.

    Raises:
        UserError: a damaged file, a line that is no prediction, or examples that are not there.
    """
    path = kept(result_path.with_name(PREDICTIONS))
    if not path.exists():
        return []
    content = read_bytes(path)
    if not content.startswith(_HEAD):
        return _parsed(content, path)
    head, *rest = _parsed(content, path)
    keys, some = _keys(head, path)
    name = _name(str(head["examples"]))
    folder = result_path.resolve().parent
    if len(folder.parents) < 3:
        raise UserError(
            f"{path}: its examples lie in {name}, three folders above a published run; leave it in its place"
        )
    beside = folder.parents[2] / name
    examples = _examples(beside, beside.stat().st_mtime_ns if beside.exists() else 0)
    if len(examples) != len(rest):
        raise UserError(f"{path}: {len(rest)} predictions, but {len(examples)} examples in {beside}")
    both = (example | line for example, line in zip(examples, rest, strict=True))
    try:
        return [{key: line[key] for key in keys if key in line or key not in some} for line in both]
    except KeyError as error:
        raise UserError(f"{path}: no {error} in it or in {beside}") from None


def _keys(head: Mapping[str, Any], path: Path) -> tuple[list[str], list[str]]:
    """The keys of a published file's lines, and those that not every line has."""
    keys: Any = head.get("keys")
    some: Any = head.get("some", [])
    lists = isinstance(keys, list) and isinstance(some, list) and all(isinstance(key, str) for key in [*keys, *some])
    if not lists or not isinstance(head["examples"], str) or not {*some} <= {*keys} - {*EXAMPLE}:
        raise UserError(
            f"{path}: its first line is damaged; publish the run again, or take the file that was published"
        )
    return keys, some


def as_written(result_path: Path) -> bytes:
    """The content of ``predictions.jsonl`` as the run wrote it, however it is published. Raises as `read_predictions`."""
    content = read_bytes(kept(result_path.with_name(PREDICTIONS)))
    return as_lines(read_predictions(result_path)) if content.startswith(_HEAD) else content


def parted(content: bytes, path: Path) -> tuple[bytes, str, bytes] | None:
    """What is published of a ``predictions.jsonl``: its own lines, the name of the file of examples, and that file's lines.

    None where lines have their keys in another order than the longest, lack some of `EXAMPLE` that others have, or are not written as
    `as_lines` writes them: such a file is published whole.

    Args:
        path: where `content` was read.

    Raises:
        UserError: a line that is no prediction.
    """
    lines = _parsed(content, path)
    longest: dict[str, Any] = max(lines, key=lambda line: len(line), default={})
    keys = list(longest)
    some = [key for key in keys if any(key not in line for line in lines)]
    asked = {*EXAMPLE} & {*keys}
    ordered = all(list(line) == [key for key in keys if key in line] for line in lines)
    if not asked or asked & {*some} or not ordered or as_lines(lines) != content:
        return None
    examples = as_lines({key: line[key] for key in keys if key in asked} for line in lines)
    digest = hashlib.sha256(examples).hexdigest()[:12]
    own = ({key: value for key, value in line.items() if key not in asked} for line in lines)
    head = {"examples": digest, "keys": keys} | ({"some": some} if some else {})
    return as_lines([head, *own]), _name(digest), examples


@lru_cache(maxsize=8)  # tasks: the runs of one are read after each other
def _examples(path: Path, written: int) -> list[dict[str, Any]]:
    """The lines of a file of examples, as it was `written` (nanoseconds)."""
    content = read_bytes(path)
    if path.name != _name(hashlib.sha256(content).hexdigest()[:12]):
        raise UserError(f"{path}: not the examples that it is called after; take the file that was published")
    return _parsed(content, path)


def _name(digest: str) -> str:
    if not digest.isalnum():
        raise UserError(f"examples: {digest!r} is no digest")
    return f"examples-{digest}.jsonl.gz"


def _parsed(content: bytes, path: Path) -> list[dict[str, Any]]:
    try:
        lines = content.decode().split("\n")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: byte {error.start} is not UTF-8") from error
    parsed = _at_once([line for line in lines if line])
    if parsed is None:
        parsed = [
            parse_json(line, f"{path}:{n}: not one JSON object a line") for n, line in enumerate(lines, 1) if line
        ]
    if not all(isinstance(line, dict) for line in parsed):
        raise UserError(f"{path}: not one JSON object a line")
    return parsed


def _at_once(lines: Sequence[str]) -> list[Any] | None:
    """The lines read as one array, in a third of the time; None where one of them is damaged, which reading them singly will name."""
    try:
        parsed: list[Any] = json.loads(f"[{','.join(lines)}]")
    except (ValueError, RecursionError):
        return None
    return parsed if len(parsed) == len(lines) else None


def examples_digest(predictions: Sequence[Mapping[str, Any]]) -> str:
    """A digest of which examples were predicted, in order."""
    told = [(line.get("index"), line.get("target")) for line in predictions]
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=8).hexdigest()


def inputs_digest(predictions: Sequence[Mapping[str, Any]]) -> str:
    """A digest of what was read, as the model read it, in order; empty where a line does not say."""
    read = [line.get("input") for line in predictions]
    return "" if None in read else hashlib.blake2b(json.dumps(read).encode(), digest_size=8).hexdigest()


def share_correct(line: Mapping[str, Any]) -> float:
    """The fraction that is right of an example's samples, those that count (not None)."""
    correct = line["correct"]
    return float(np.mean([each for each in correct if each is not None] if isinstance(correct, list) else correct))
