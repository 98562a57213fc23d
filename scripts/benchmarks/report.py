"""Reporting many results: `comparisons()` for `scripts/benchmark.py report`, or run alone.

The work is `lopa-bench report` on 10,000 results, in a process of its own, reading included. It is
compared with the goal of three seconds; results are synthetic and written to a temporary folder.
"""

from __future__ import annotations

import itertools
import json
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from lopa_bench.results.record import SCHEMA
from lopa_bench.study.plan import planned_runs
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.spec import default_model
from lopa_bench.study.tables import tables
from lopa_bench.tasks.known import known

RESULTS, GOAL_SECONDS, REPEATS = 10_000, 3.0, 3


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """One comparison: seconds of the goal over seconds taken, above 1 when it is met; at most as fast as the files are parsed."""
    results, repeats = (20, 1) if tiny else (RESULTS, REPEATS)
    with tempfile.TemporaryDirectory() as folder:
        write_results(Path(folder), results)
        command = [sys.executable, "-m", "lopa_bench", "report", "--results-dir", folder]
        seconds = []
        for _ in range(repeats):
            started = time.perf_counter()
            subprocess.run(command, check=True, capture_output=True)
            seconds.append(time.perf_counter() - started)
        started = time.perf_counter()
        for path in Path(folder).rglob("result.json"):
            json.loads(path.read_bytes())
        parsed = time.perf_counter() - started
    ratios = [GOAL_SECONDS / value for value in seconds]
    return [
        {
            "work": f"report of {results:,} results: {statistics.median(seconds):.2f} s",
            "against": f"{GOAL_SECONDS:.0f} s",
            "ratio": statistics.median(ratios),
            "spread": [min(ratios), max(ratios)],
            "goal": 1.0,
            "limit": GOAL_SECONDS / parsed,
            "limited_by": "finding and parsing the files",
            "ran": {"command": "lopa-bench report", "seconds": seconds, "python": platform.python_version()},
        }
    ]


def write_results(root: Path, count: int) -> None:
    """Copies of the whole mini plan, each with its own seeds, until there are `count`."""
    planned = itertools.cycle(planned_runs(tables("mini"), "mini"))
    for seed, run in enumerate(itertools.islice(planned, count)):
        write_result(root, run, seed)


def write_result(root: Path, run: PlannedRun, seed: int) -> None:
    """A result of the size that a run writes, as the runner lays it out."""
    fields = run.selector("mini")
    config: dict[str, Any] = {"seed": seed, "train": {"lr": 0.003, "epochs": 10, "batch_size": 16}}
    for key, value in fields.items():
        if key.startswith("method."):
            config.setdefault("method", {})[key.removeprefix("method.")] = value
    metrics = {column.metric: 50 + seed % 40 for t in tables("mini") for column in t.columns if column.task == run.task}
    result = {
        "schema": SCHEMA,
        "digest": f"{seed:012x}",
        "scale": "mini",
        "task": run.task,
        "family": known(run.task).family,
        "model": default_model("mini", run.task),
        "method": run.method,
        "seed": seed,
        "recipe": "paper",
        "selection": "holdout",
        "reported_split": "test",
        "metric": next(iter(metrics)),
        "metrics": metrics,
        "config": config,
        "data": {"source": "mini", "limit": None, "rows": {"train": 2000, "test": 400}},
        "parameters": {"paper": 52_000, "trained": 52_000, "total": 900_000},
        "seconds": {"train": 10.0, "total": 12.0},
        "metrics_per_split": {"test": metrics},
        "selected_epoch": 1,
        "steps": 1250,
        "peak_memory_mib": 500,
        "device": "cpu",
        "processes": 1,
        "threads": 1,
        "versions": {"torch": "0", "transformers": "0", "python": platform.python_version()},
    }
    folder = root / "mini" / run.task / fields["model"] / run.method / f"{seed}-{seed:012x}"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps(result, indent=1), encoding="utf-8")


if __name__ == "__main__":
    print(json.dumps(comparisons(), indent=1))
