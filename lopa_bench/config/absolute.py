"""The paths of a sweep's jobs, seen from where the command is given: a launcher may begin them in another folder, on another machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lopa_bench.config.places import is_own
from lopa_bench.config.quoting import FILES, PATHS, quoted, read

RESULTS = "results_dir"
MODELS = {"model.path", "model.encoder"}  # folders, or names of models


def absolute(words: Sequence[str], results_dir: Path) -> list[str]:
    """The overrides of a job with every path in them absolute, and `results_dir` where they name none."""
    keys = [word.partition("=")[0].lstrip("+") for word in words]
    below = "data.dir" in keys  # the files of rows are below it
    made = [word if below and key in FILES else _absolute(word, key) for key, word in zip(keys, words, strict=True)]
    return made if RESULTS in keys else [*made, quoted(RESULTS, results_dir.absolute())]


def _absolute(word: str, key: str) -> str:
    is_path = key.rsplit(".", 1)[-1] in PATHS or key in {*FILES, *MODELS, "init_from"}
    parsed = read(word) if is_path else None
    value = None if parsed is None or parsed.is_sweep_override() else parsed.value()
    if not isinstance(value, str) or "${" in value or (key in MODELS and not is_own(value)):
        return word
    return quoted(word.partition("=")[0], Path(value).expanduser().absolute())
