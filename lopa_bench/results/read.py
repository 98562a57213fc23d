"""Finished runs as a data frame: one row per ``result.json``, newest facts, nothing edited."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lopa_bench.config.files import choices
from lopa_bench.config.keys import lookup, spell
from lopa_bench.config.marks import MASK
from lopa_bench.errors import UserError
from lopa_bench.host.files import read_bytes
from lopa_bench.results.directory import check_no_scale, load_result, place_of, result_files
from lopa_bench.results.record import NotAResult, OtherSchema, Result, parse

Chosen = tuple[pd.DataFrame, str | None]  # runs of one setting, and what a reader must know of it


@dataclass(frozen=True)
class Runs:
    """All readable runs of a results directory.

    Attributes:
        frame: one row per run; ``path`` leads to its ``result.json``, ``config`` holds the values
            that determine its number, ``kind`` is masked or causal, ``setting`` is a digest of them without the seed, ``score``
            the headline metric.
        warnings: one line per file that was skipped, with its name and the reason.
        refused: one line per schema version whose results were left out.
        given: the settings that all of these have because they were asked for (``--where``).
        chosen: what `report.choice` took of them for a planned cell, kept: tables, claims and figures ask for the same cells.
    """

    frame: pd.DataFrame
    warnings: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    given: Mapping[str, Any] = field(default_factory=dict)
    chosen: dict[tuple[str, ...], Chosen] = field(default_factory=dict, repr=False)
    _codes: dict[str, tuple[NDArray[np.int64], dict[str, int]]] = field(default_factory=dict, repr=False)

    @property
    def complaints(self) -> tuple[str, ...]:
        """A line for each thing that is not among them."""
        return (*self.warnings, *self.refused)

    def where(self, settings: Mapping[str, Any]) -> pd.DataFrame:
        """The runs whose fields (``task``, …) or config keys (``method.rank``) have these values; of a tuple, one of them."""
        return self.frame.iloc[self.places(settings)]

    def places(self, settings: Mapping[str, Any]) -> NDArray[np.int64]:
        """Where in `frame` the runs with these settings are."""
        left = np.arange(len(self.frame))
        coded = [(*self._coded(key), value) for key, value in settings.items()]
        coded.sort(key=lambda each: -len(each[1]))  # what tells most runs apart first: little is left for the rest
        for codes, code_of, value in coded:
            if not len(left):
                break
            wanted = value if isinstance(value, tuple) else (value,)
            asked = [code_of.get(spell(each), -1) for each in wanted]
            left = left[codes[left] == asked[0] if len(asked) == 1 else np.isin(codes[left], asked)]
        return left

    def column(self, name: str, settings: Mapping[str, Any]) -> pd.Series:
        """One column of what `where` finds, without the time that taking whole rows takes."""
        return self.frame[name].iloc[self.places(settings)]

    def only(self, settings: Mapping[str, Any]) -> Runs:
        """The runs with these settings, which from then on stand in for a table's defaults."""
        return Runs(self.where(settings).reset_index(drop=True), self.warnings, self.refused, settings)

    def values(self, key: str) -> list[str]:
        """What some run has for a field or config key, as it is spelled; ``null`` for a run that has none."""
        return sorted(self._coded(key)[1])

    def _coded(self, key: str) -> tuple[NDArray[np.int64], dict[str, int]]:
        """All runs' values of a key as small numbers, kept: tables ask for the same few keys again and again."""
        if key not in self._codes:
            code_of: dict[str, int] = {}
            values, rows = self._values(key)
            codes = [code_of.setdefault(spell(value), len(code_of)) for value in values]
            self._codes[key] = np.array(codes, dtype=np.int64)[rows], code_of
        return self._codes[key]

    def _values(self, key: str) -> tuple[Iterable[Any], NDArray[np.int64]]:
        """Values of a key, and for each run the place of its own; runs of one setting share one, but for what is not in the setting."""
        if key in self.frame.columns:  # where pandas takes None in a column of text for NaN
            column = self.frame[key]
            return column.astype(object).where(column.notna(), None), np.arange(len(column))
        configs = self.frame["config"]
        if key.partition(".")[0] == "data":
            return [lookup(config, key) for config in configs], np.arange(len(configs))
        places, settings = pd.factorize(self.frame["setting"])
        first = np.unique(places, return_index=True)[1]
        return [lookup(configs.iloc[place], key) for place in first[: len(settings)]], places


def read_runs(results_dir: Path | str, scale: str, *, foreign: bool = False) -> Runs:
    """Read ``results_dir/<scale>/**/result.json``.

    Corrupt files, JSON that is no result, results altered after they were written and copies of a run are named in ``warnings`` and
    skipped; those of other schema versions are named in ``refused``, in one line a version, and never used.

    Args:
        foreign: keep those of tasks and methods that conf/ has not, whose facts are not known; else they are named in ``warnings``.

    Raises:
        UserError: the results directory does not exist, or is a scale's.
    """
    root = Path(results_dir)
    if not root.is_dir():
        why = "it is no folder; name one" if root.exists() else "no such directory; a first run creates it"
        raise UserError(f"results_dir={root}: {why}")
    check_no_scale(root, scale)
    rows, skipped, others = dict[tuple[str, int], dict[str, Any]](), list[str](), dict[str, list[Path]]()
    known = {kind: set(choices(kind)) for kind in ("task", "method")}
    unknown: dict[str, list[Path]] = {}
    with _all_kept():
        for path in result_files(root / scale):
            try:
                result = parse(read_bytes(path))
            except OtherSchema as error:
                others.setdefault(str(error), []).append(path)
            except NotAResult as error:
                skipped.append(f"{path}: skipped, {error}")
            except UserError as error:
                skipped.append(f"{error}; skipped")
            else:
                strange = [
                    f"{kind}={name}" for kind, names in known.items() if (name := getattr(result, kind)) not in names
                ]
                if result.scale != scale:
                    skipped.append(f"{path}: skipped, a result of scale {result.scale!r}")
                elif strange and not foreign:
                    unknown.setdefault(strange[0], []).append(path)
                elif other := rows.get((result.digest, result.seed)):  # copied, within the folder of results
                    copy = other["path"]
                    if path == place_of(result, root):
                        rows[result.digest, result.seed], path, copy = _row(path, result), copy, path
                    skipped.append(f"{path}: the same run as {copy}, skipped")
                else:
                    rows[result.digest, result.seed] = _row(path, result)
        skipped += [_foreign(name, paths) for name, paths in unknown.items()]
        refused = [_left_out(reason, paths) for reason, paths in others.items()]
        return Runs(_frame(list(rows.values())), skipped, refused)


def _foreign(name: str, paths: Sequence[Path]) -> str:
    several = f"{len(paths)} runs" if len(paths) > 1 else paths[0]
    return f"{several}: skipped, conf/ has no {name}; conf.path=DIR names the folder that has it"


@contextlib.contextmanager
def _all_kept() -> Iterator[None]:
    """Without the search for garbage in cycles, then or later: of ten thousand results it takes as long as parsing; there is none."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # what is there is not looked through again; without a cycle it goes when nothing refers to it
        if searched:
            gc.enable()


def _left_out(reason: str, paths: list[Path]) -> str:
    more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
    return f"{paths[0]}{more}: left out, {reason}; run again, or move away"


def runs_so_far(results_dir: Path, scale: str) -> Runs:
    """`read_runs`, and none where the directory is still to be made."""
    return read_runs(results_dir, scale) if results_dir.exists() else Runs(pd.DataFrame(columns=_COLUMNS))


def runs_beside(run: Path | str) -> Runs:
    """The finished run in this directory and those in the folders beside it that differ from it in the seed alone.

    Raises:
        UserError: no result there, a corrupt one, or one of another schema version.
    """
    path, result = load_result(run)
    rows = [_row(path, result)]
    for other in sorted(path.resolve().parent.parent.glob("*/result.json")):
        with contextlib.suppress(UserError, NotAResult):
            if other.parent != path.resolve().parent:
                rows.append(_row(other, parse(read_bytes(other))))
    return Runs(_frame([row for row in rows if row["setting"] == rows[0]["setting"]]))


_AS_THEY_ARE = (
    *("scale", "task", "family", "model", "encoder", "method", "seed", "recipe", "selection", "reported_split"),
    *("metric", "score", "selection_score", "metrics", "gradient_norm", "instance", "device", "processes", "finished"),
)
_COLUMNS = [
    *_AS_THEY_ARE,
    *("path", "kind", "setting", "computed_in", "majority", "paper_parameters", "trained_parameters"),
    *("seconds", "memory", "commit", "versions", "config"),
]


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Text as Python's own strings: of pandas' type for text, picking the rows of one cell takes ten times as long."""
    frame = pd.DataFrame(rows, columns=pd.Index(_COLUMNS, dtype=object))
    return frame.astype({name: object for name, kind in frame.dtypes.items() if isinstance(kind, pd.StringDtype)})


def _row(path: Path, result: Result) -> dict[str, Any]:
    return {
        **{key: getattr(result, key) for key in _AS_THEY_ARE},
        "config": {**result.config, "data": result.data.model_dump()},
        "path": path,
        "kind": _kind(result.config.get("task") or {}),
        "setting": _setting(result.config),
        "computed_in": result.precision,
        "majority": result.baseline.majority.get(result.metric),
        "paper_parameters": result.parameters.paper,
        "trained_parameters": result.parameters.trained,
        "seconds": result.seconds.total,
        "memory": result.peak_memory_mib,
        "commit": result.git.commit,
        "versions": ", ".join(f"{name} {version}" for name, version in result.versions.items()),
    }


def _kind(task: Mapping[str, Any]) -> str:
    """What kind of model answered: where a masked one is asked, and only there, the text has a mask."""
    return "masked" if MASK in str(task.get("template")) else "causal"


def _setting(config: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in config.items() if key != "seed"}
    text = json.dumps(kept, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
