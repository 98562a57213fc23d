"""A sweep in one process against one process per run: what jobs share (imports, data, tokens, features, weights) is paid for once.

The runs are short, as in a first look or a grid, since a run's own steps cost the same either way.
"""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tempfile
import time
from typing import Any

from contest.measure import comparison, in_turn, machine

METHODS, SEEDS = ("lopa", "pt", "idpg", "lora"), (0, 1, 2)
SHORT = ["task=rte", "data.limit=64", "train.epochs=2", "offline=true"]
RUNS = len(METHODS) * len(SEEDS)


def comparisons() -> list[dict[str, Any]]:
    rates = in_turn({"one": one_process, "many": many_processes})
    ran = {**machine(), "overrides": SHORT, "methods": METHODS, "seeds": SEEDS}
    what = f"sweep of {RUNS} mini runs (64 rows, 2 epochs) in one process"
    return [comparison(what, rates["one"], f"{RUNS} separate processes", rates["many"], 3, "runs/s", ran)]


def one_process() -> float:
    return rate([["-m", f"method={','.join(METHODS)}", f"seed={','.join(map(str, SEEDS))}"]])


def many_processes() -> float:
    return rate([[f"method={method}", f"seed={seed}"] for method, seed in itertools.product(METHODS, SEEDS)])


def rate(commands: list[list[str]]) -> float:
    """Runs per second, in a results folder and with a feature cache of their own."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "LOPA_BENCH_CACHE": f"{folder}/cache"}
        started = time.perf_counter()
        for command in commands:
            arguments = [sys.executable, "-m", "lopa_bench", *command, *SHORT, f"results_dir={folder}/results"]
            subprocess.run(arguments, check=True, capture_output=True, env=environment)
        return RUNS / (time.perf_counter() - started)
