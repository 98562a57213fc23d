"""Finished runs as a data frame: one row per ``result.json``, newest facts, nothing edited."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lopa_bench.config.keys import lookup, spell
from lopa_bench.errors import UserError
from lopa_bench.results.directory import SCHEMA

REQUIRED = ("digest", "scale", "task", "family", "model", "method", "seed", "config", "metrics")


@dataclass(frozen=True)
class Runs:
    """All readable runs of a results directory.

    Attributes:
        frame: one row per run; ``path`` leads to its ``result.json``, ``config`` holds the values
            that determine its number, ``setting`` is a digest of them without the seed, ``score``
            the headline metric.
        warnings: one line per file that was skipped, with its name and the reason.
        refused: one line per schema version whose results were left out.
        given: the settings that all of these have because they were asked for (``--where``).
    """

    frame: pd.DataFrame
    warnings: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    given: Mapping[str, Any] = field(default_factory=dict)
    _codes: dict[str, tuple[NDArray[np.int64], dict[str, int]]] = field(default_factory=dict, repr=False)

    def where(self, settings: Mapping[str, Any]) -> pd.DataFrame:
        """The runs whose fields (``task``, …) or config keys (``method.rank``) have these values."""
        keep = np.ones(len(self.frame), dtype=bool)
        for key, value in settings.items():
            codes, code_of = self._coded(key)
            keep &= codes == code_of.get(spell(value), -1)
        return self.frame[keep]

    def only(self, settings: Mapping[str, Any]) -> Runs:
        """The runs with these settings, which from then on stand in for a table's defaults."""
        return Runs(self.where(settings), self.warnings, self.refused, settings)

    def _coded(self, key: str) -> tuple[NDArray[np.int64], dict[str, int]]:
        """All runs' values of a key as small numbers, kept: tables ask for the same few keys again and again."""
        if key not in self._codes:
            own = key in self.frame.columns
            values = self.frame[key] if own else (lookup(config, key) for config in self.frame["config"])
            code_of: dict[str, int] = {}
            codes = [code_of.setdefault(spell(value), len(code_of)) for value in values]
            self._codes[key] = np.array(codes, dtype=np.int64), code_of
        return self._codes[key]


def read_runs(results_dir: Path | str, scale: str) -> Runs:
    """Read ``results_dir/<scale>/**/result.json``.

    Corrupt files, and JSON that is no result, are named in ``warnings`` and skipped; results of
    other schema versions are named in ``refused``, in one line a version, and never used.

    Raises:
        UserError: the results directory does not exist.
    """
    root = Path(results_dir)
    if not root.is_dir():
        raise UserError(f"results_dir={root}: no such directory; a first run creates it")
    rows, warnings = [], []
    others: dict[Any, list[Path]] = {}
    for path in _result_files(root / scale):
        result, problem = _load(path)
        if problem:
            warnings.append(f"{path}: skipped, {problem}")
        elif result["schema"] != SCHEMA:
            others.setdefault(result["schema"], []).append(path)
        elif result["scale"] != scale:
            warnings.append(f"{path}: skipped, a result of scale {result['scale']!r}")
        else:
            rows.append(_row(path, result))
    return Runs(
        pd.DataFrame(rows, columns=_COLUMNS), warnings, [_left_out(schema, paths) for schema, paths in others.items()]
    )


def _left_out(schema: Any, paths: list[Path]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more}: left out, schema {schema} (this version reads {SCHEMA}); run again, or move away"


def runs_so_far(results_dir: Path, scale: str) -> Runs:
    """`read_runs`, and none where the directory is still to be made."""
    return read_runs(results_dir, scale) if results_dir.exists() else Runs(pd.DataFrame(columns=_COLUMNS))


def load_result(run: Path | str) -> tuple[Path, dict[str, Any]]:
    """The ``result.json`` of a run directory (or the file itself), checked.

    Raises:
        UserError: no result there, a corrupt one, or one of another schema version.
    """
    path = Path(run)
    path = path / "result.json" if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"{run}: no result.json there; give the directory of a finished run")
    result, problem = _load(path)
    if problem:
        raise UserError(f"{path}: {problem}")
    if result["schema"] != SCHEMA:
        raise UserError(f"{path}: schema {result['schema']}, this version reads {SCHEMA}")
    return path, result


_COLUMNS = [
    *("path", "scale", "task", "family", "model", "method", "seed", "setting", "metric", "score"),
    *("majority", "metrics", "paper_parameters", "trained_parameters", "seconds", "config"),
    *("recipe", "selection", "reported_split", "gradient_norm", "encoder"),
    *("memory", "device", "commit", "versions", "finished"),
]


def _row(path: Path, result: Mapping[str, Any]) -> dict[str, Any]:
    metric = result.get("metric")
    return {
        **{key: result[key] for key in REQUIRED if key != "digest"},
        "config": {**result["config"], "data": result.get("data") or {}},
        "path": path,
        "setting": _setting(result["config"]),
        "metric": metric,
        "score": result["metrics"].get(metric),
        "majority": (lookup(result, "baseline.majority") or {}).get(metric),
        "paper_parameters": lookup(result, "parameters.paper"),
        "trained_parameters": lookup(result, "parameters.trained"),
        "seconds": lookup(result, "seconds.total"),
        "recipe": result.get("recipe"),
        "selection": result.get("selection"),
        "reported_split": result.get("reported_split"),
        "gradient_norm": result.get("gradient_norm"),
        "encoder": result.get("encoder"),
        "memory": result.get("peak_memory_mib"),
        "device": result.get("device"),
        "commit": lookup(result, "git.commit"),
        "versions": ", ".join(f"{name} {version}" for name, version in (result.get("versions") or {}).items()),
        "finished": result.get("finished"),
    }


def _setting(config: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in config.items() if key != "seed"}
    text = json.dumps(kept, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _result_files(folder: Path) -> list[Path]:
    found = (Path(where) for where, _, files in os.walk(folder) if "result.json" in files)
    return [path / "result.json" for path in sorted(found)]


def _load(path: Path) -> tuple[dict[str, Any], str | None]:
    """The parsed file and, where it cannot be used, why not."""
    try:
        result = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        return {}, f"not readable as JSON ({_first_line(error)})"
    if not isinstance(result, dict) or "schema" not in result:
        return {}, "not a result of lopa-bench (no schema)"
    missing = [key for key in REQUIRED if key not in result]
    if result["schema"] != SCHEMA:
        return result, None
    if missing:
        return {}, f"not a whole result (no {', '.join(missing)})"
    if not (isinstance(result["config"], dict) and _all_numbers(result["metrics"])):
        return {}, "not a whole result (config and metrics must be objects, metrics of numbers)"
    for key in ("parameters", "baseline.majority", "seconds"):
        if not _all_numbers(lookup(result, key) or {}, int | float | None):
            return {}, f"not a whole result ({key} must be an object of numbers)"
    return result, None


def _all_numbers(values: Any, kinds: Any = int | float) -> bool:
    return isinstance(values, dict) and all(isinstance(value, kinds) for value in values.values())


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
