"""Paths seen from where the command is given: a launcher may begin a sweep's jobs in another folder, and a run is asked from any."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lopa_bench.config.keys import key_of
from lopa_bench.config.places import is_own
from lopa_bench.config.quoting import FILES, is_path, quoted, read

RESULTS = "results_dir"
MODELS = {"model.path", "model.encoder"}  # folders, or names of models
FOLDERS = {RESULTS, "data.dir", "models.dir", "tracker.dir", "init_from"}


def absolute(words: Sequence[str], results_dir: Path) -> list[str]:
    """The overrides of a job with every path in them absolute, and `results_dir` where they name none."""
    keys = [key_of(word) for word in words]
    below = "data.dir" in keys  # the files of rows are below it
    made = [word if below and key in FILES else _absolute(word, key) for key, word in zip(keys, words, strict=True)]
    return made if RESULTS in keys else [*made, quoted(RESULTS, results_dir.absolute())]


def _absolute(word: str, key: str) -> str:
    parsed = read(word) if is_path(key) or key in MODELS else None
    value = None if parsed is None or parsed.is_sweep_override() else parsed.value()
    if not isinstance(value, str) or "${" in value or _is_name(key, value):
        return word
    return quoted(word.partition("=")[0], Path(value).expanduser().absolute())


def _is_name(key: str, value: str) -> bool:
    """Whether the value is a model's name and no folder: a folder called `backbone` is not what ``model.encoder=backbone`` means."""
    return key in MODELS and (value == "backbone" or not is_own(value))


def absolute_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """A config's values with every path in them absolute, as a run keeps them: from another folder a relative one looks like a hub id."""
    made = copy.deepcopy(dict(values))
    below = made["data"].get("dir") is not None  # the files of rows are below it
    for key in sorted({*FOLDERS, *MODELS, *(() if below else FILES)}):
        section, _, leaf = key.rpartition(".")
        place = made.get(section) or {} if section else made
        value = place.get(leaf)
        if isinstance(value, str) and value and not _is_name(key, value):
            place[leaf] = str(Path(value).expanduser().absolute())
    return made
