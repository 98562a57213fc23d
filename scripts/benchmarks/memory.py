"""Peak memory of whole runs, in processes of their own, against what `lopa-bench doctor` says beforehand: the less over the more."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from contest.measure import SAME_WORK, comparison, machine
from contest.workload import Workload, size_here, workload

from lopa_bench.config.compose import load_config
from lopa_bench.results.record import parse
from lopa_bench.run.inputs import longest_row
from lopa_bench.run.memory import estimate

RUNS = (("rte", "lopa"), ("rte", "fft"), ("e2e", "lora"))
# Few rows to train on, but whole batches to write: E2E has six texts of each input, and `doctor` counts a batch's keys, values and logits.
SHORT = ["data.limit=640", "data.train_limit=64", "train.epochs=1", "selection=last"]


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """On a GPU of what PyTorch has allocated there, on a CPU of the whole process."""
    with workload(size_here(tiny)) as work:
        return [compare(work, task, method) for task, method in (RUNS[:1] if tiny else RUNS)]


def compare(work: Workload, task: str, method: str) -> dict[str, Any]:
    overrides = work.overrides(task, method, *SHORT)
    config = load_config(overrides)
    measured, estimated = peak(overrides), estimate(config, longest_row(config)).peak / 2**20
    less, more = sorted((measured, estimated))
    ran = {**machine(), "shape": work.shape, "texts": work.texts, "measured": measured, "estimated": estimated}
    return comparison(f"{method} on {task}", [less], "doctor's estimate", [more], 0.8, "MiB", ran, SAME_WORK)


def peak(overrides: list[str]) -> float:
    """MiB, as the run itself says."""
    with tempfile.TemporaryDirectory() as results:
        words = [*overrides, f"results_dir={results}"]
        subprocess.run([sys.executable, "-m", "lopa_bench", *words], check=True, capture_output=True)
        (path,) = Path(results).rglob("result.json")
        return float(parse(path.read_bytes()).peak_memory_mib)
