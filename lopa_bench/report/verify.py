"""Published results checked against themselves: files by their checksums, scores by the predictions, tables by the results."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import pandas as pd

from lopa_bench.errors import UserError
from lopa_bench.host.files import read_bytes
from lopa_bench.host.terminal import with_bar
from lopa_bench.report import claims_json, claims_text
from lopa_bench.report.cells import Table
from lopa_bench.report.fill import build_tables
from lopa_bench.report.findings import CheckedClaim
from lopa_bench.report.render import FORMATS
from lopa_bench.report.resampling import EQUAL, Whose, scores_by
from lopa_bench.report.verdicts import check_claims
from lopa_bench.results.directory import HISTORY, PREDICTIONS, kept
from lopa_bench.results.predictions import as_written, read_predictions
from lopa_bench.results.read import Runs
from lopa_bench.results.record import File, Instance, parse, unaltered
from lopa_bench.run.told import config_of
from lopa_bench.study.tables import tables
from lopa_bench.tasks.known import as_run

DECIMAL = re.compile(r"-?\d+(?:\.\d+(?:e[+-]?\d+)?|e[+-]?\d+)")
SUFFIXES = {".md": "markdown", ".tex": "latex", ".csv": "csv", ".json": "json"}  # of published tables -> their formats


@dataclass
class Checked:
    """What was looked at of a kind, a line for each that is wrong, and how many of which name were not looked at."""

    kind: str
    count: int = 0
    wrong: list[str] = field(default_factory=list)
    left: Counter[str] = field(default_factory=Counter)

    def look(self, problem: str) -> None:
        """One more; an empty `problem` is none."""
        self.count += 1
        self.wrong += [problem] if problem else []

    def __str__(self) -> str:
        left = f" ({self.left.total():,} not computed again: {', '.join(sorted(self.left))})" if self.left else ""
        return f"{self.count - len(self.wrong):,} of {self.count:,} {self.kind}{left}"


def verify(runs: Runs, scale: str, folder: Path, everything: bool = False) -> list[Checked]:
    """Check every file, score and table of a results folder.

    Programs are not run again: their verdicts are part of the predictions. What the mean prompt and none scored has no predictions there.

    Args:
        everything: scores, too, that no sums over rows give (NIST, METEOR, TER, …), which take as long as they did after the run.
    """
    files, scores, shown = (
        Checked("files as written"),
        Checked("scores as predicted"),
        Checked("tables and claims as of the results"),
    )
    for _, run in with_bar(runs.frame.iterrows(), f"{scale}: files and scores of each run", len(runs.frame)):
        _check_files(run["path"], files)
        _check_scores(run, scores, everything)
    _check_tables(folder / "tables", runs, scale, shown)
    return [files, scores, shown]


def _check_files(path: Path, checked: Checked) -> None:
    """`result.json` by its own checksum, the files beside it by those in it, config.yaml by what it says; not all need be published."""
    content = read_bytes(path)
    checked.look("" if unaltered(content) else f"{path}: has no checksum, so nothing tells whether it was altered")
    for name, file in parse(content).files.items():
        beside = kept(path.with_name(name))
        if name in (HISTORY, PREDICTIONS) or beside.exists():
            checked.look(_wrong_file(beside, file))
    checked.look(_wrong_config(path.parent))


def _wrong_config(directory: Path) -> str:
    try:
        config_of(directory)
    except UserError as error:
        return str(error)
    return ""


def _wrong_file(path: Path, file: File) -> str:
    try:
        content = as_written(path) if path.name == f"{PREDICTIONS}.gz" else read_bytes(path)
    except UserError as error:
        return str(error)
    return "" if sha256(content).hexdigest() == file.sha256 else f"{path}: not the file that the run wrote"


def _check_scores(run: pd.Series, checked: Checked, everything: bool) -> None:
    """Every metric over the rows, and what exchanged prompts scored; with `everything` those over the whole split, too."""
    try:
        task = as_run(run["task"], run["config"].get("task") or {})
    except UserError as error:
        checked.look(f"{run['path']}: {error}")
        return
    known = task.metrics
    claimed: list[tuple[str, float, Whose | None]] = [
        (name, value, None) for name, value in run["metrics"].items() if name in known and known[name].per_row
    ]
    whole = {
        name: run["metrics"][name] for name, metric in known.items() if name in run["metrics"] and not metric.per_row
    }
    if isinstance(run["instance"], Instance):
        claimed += [(run["metric"], getattr(run["instance"], which), which) for which in ("own", "exchanged")]
    try:
        lines = read_predictions(run["path"])
    except UserError as error:
        checked.look(str(error))
        return
    for name, value, prompts in claimed:
        try:
            found = scores_by(lines, run["path"], known[name], prompts)
        except UserError as error:
            checked.look(str(error))
            continue
        if found:
            which = f"{prompts} prompts, " if prompts else ""
            checked.look(_wrong_score(run["path"], f"{which}{name}", value, found.value))
    again = task.score_lines(lines) if whole and everything else {}
    for name, value in whole.items():
        if name in again:
            checked.look(_wrong_score(run["path"], name, value, again[name]))
        else:
            checked.left[name] += 1


def _wrong_score(path: Path, name: str, value: float, found: float) -> str:
    off = not math.isclose(found, value, abs_tol=EQUAL)
    return f"{path}: {name} is {value}, of its predictions {found}" if off else ""


def _check_tables(folder: Path, runs: Runs, scale: str, checked: Checked) -> None:
    """Every table's text, and the claims', against the one that the results give today."""
    by_name = {spec.name: spec for spec in tables(scale)}
    forms = {name: list(group) for name, group in groupby(_texts(folder), key=lambda path: path.stem)}
    for name, paths in forms.items():
        if name == "claims":
            made = _of_claims(check_claims(runs, scale))
        elif name in by_name:
            made = _of_table(build_tables([by_name[name]], runs, scale))
        else:
            made = {}
        for path in paths:
            text = made.get(path.suffix)
            wrong = "no table of this study" if text is None else "not what its results give"
            right = text is not None and _alike(read_bytes(path).decode().strip(), text.strip())
            checked.look("" if right else f"{path}: {wrong}")


def _alike(text: str, made: str) -> bool:
    """Whether two texts are the same but for the last digits of unrounded numbers, in which processors differ."""
    (words, numbers), (others, again) = (
        (DECIMAL.sub("", each), list(map(float, DECIMAL.findall(each)))) for each in (text, made)
    )
    return words == others and all(
        math.isclose(a, b, rel_tol=EQUAL, abs_tol=EQUAL) for a, b in zip(numbers, again, strict=True)
    )


def _texts(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*") if path.suffix in SUFFIXES)


def _of_table(built: Sequence[Table]) -> dict[str, str]:
    return {suffix: FORMATS[form](built) for suffix, form in SUFFIXES.items()}


def _of_claims(checked: Sequence[CheckedClaim]) -> dict[str, str]:
    return {".md": claims_text.as_markdown(checked), ".json": claims_json.as_json(checked)}
