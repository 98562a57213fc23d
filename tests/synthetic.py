"""Synthetic runs for the report's tests: invented numbers, written to a temporary folder only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from lopa_bench.config.files import choices
from lopa_bench.results.record import SCHEMA
from lopa_bench.study.plan import planned_runs
from lopa_bench.study.planned import PlannedRun
from lopa_bench.study.tables import tables
from lopa_bench.tasks.known import known

MAJORITY = {"glue": 55.0, "pass@1": 0.0, "bleu": 0.0, "bleu_all": 0.0}


def nested(flat: dict[str, Any]) -> dict[str, Any]:
    """``{"method.rank": 4}`` as ``{"method": {"rank": 4}}``."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *parents, leaf = key.split(".")
        node = tree
        for parent in parents:
            node = node.setdefault(parent, {})
        node[leaf] = value
    return tree


def write_run(
    root: Path,
    task: str = "rte",
    method: str = "lopa",
    seed: int = 0,
    *,
    scale: str = "mini",
    correct: Any = None,
    predictions: list[dict[str, Any]] | None = None,
    metrics: dict[str, float] | None = None,
    settings: dict[str, Any] | None = None,
    **fields: Any,
) -> Path:
    """One synthetic run directory. ``correct`` (0/1 per example) gives predictions and their score."""
    settings = settings or {}
    run = PlannedRun({"task": task, "method": method, **settings}, (seed,))
    flat = run.selector(scale)
    told = {**run.recipe(scale), **flat}
    kept = {k: v for k, v in told.items() if v is not None or not k.startswith("task.")}  # as a result has a task's
    config = nested({k: v for k, v in kept.items() if "." in k or k in ("precision", "protocol", "readout")}) | {
        "seed": seed
    }
    config["selection"] = flat["selection"]
    data = config.pop("data")
    config["data"] = {"train": f"sha-{task}-{data}", "test": f"sha-{task}-{data}"}
    headline = known(task).metric
    if correct is not None:
        words = np.where(np.arange(len(correct)) % 2, " Yes", " No")
        predictions = [
            {
                "index": i,
                "prediction": w if c else {" Yes": " No", " No": " Yes"}[w],
                "target": w,
                "correct": bool(c),
            }
            for i, (c, w) in enumerate(zip(correct, words.tolist(), strict=True))
        ]
        metrics = metrics or {headline: known(task).metrics[headline].of(predictions)}
    metrics = metrics or {headline: 80.0}
    result = {
        "schema": SCHEMA,
        "digest": f"{abs(hash((task, method, seed, str(settings)))):016x}",
        "scale": scale,
        "task": task,
        "family": known(task).family,
        "model": told["model"],
        "method": method,
        "seed": seed,
        "recipe": flat["recipe"],
        "encoder": flat["encoder"][0],
        "selection": flat["selection"],
        "config": config,
        "data": {"source": "files", **data},
        "reported_split": "test",
        "metric": headline,
        "metrics": metrics,
        "metrics_per_split": {"test": metrics},
        "baseline": {"majority": {headline: MAJORITY[headline]}},
        "parameters": {"paper": 24_330, "trained": 24_330, "total": 900_000},
        "seconds": {"train": 10.0, "total": 12.0},
        "selected_epoch": 1,
        "steps": 10,
        "peak_memory_mib": 100,
        "device": "cpu",
        "processes": 1,
        "threads": 1,
        **fields,
    }
    name = "-".join([str(seed), result["digest"], *(f"{k}{v}" for k, v in settings.items())])
    folder = root / scale / task / told["model"] / method / name
    folder.mkdir(parents=True)
    if predictions is not None:
        lines = "\n".join(map(json.dumps, predictions))
        (folder / "predictions.jsonl").write_text(lines + "\n", encoding="utf-8")
    (folder / "result.json").write_text(json.dumps(result), encoding="utf-8")
    return folder


def write_whole_plan(root: Path, scale: str = "mini", seeds_from: int = 0) -> int:
    """Every run that the tables of a scale want, with a score that depends on method and seed."""
    written = 0
    for planned in planned_runs(tables(scale), scale):
        for seed in planned.seeds:
            overrides = dict(planned.overrides)
            task, method = overrides.pop("task"), overrides.pop("method")
            overrides.pop("scale", None)
            score = 60.0 + 2 * choices("method").index(method) + seed
            columns = {c.metric for t in tables(scale) for c in t.columns if c.task == task}
            write_run(
                root,
                task,
                method,
                seeds_from + seed,
                scale=scale,
                settings=overrides,
                metrics=dict.fromkeys(columns, score),
            )
            written += 1
    return written
