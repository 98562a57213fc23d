"""A sweep in one process against one process per run: what jobs share (imports, data, tokens, features, weights) is paid for once.

The runs are short, as in a first look or a grid, since a run's own steps cost the same either way.
"""

from __future__ import annotations

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

from contest.measure import ROUNDS, Limit, comparison, in_turn, machine

from lopa_bench.results.record import parse

METHODS, SEEDS = ("lopa", "pt", "idpg", "lora"), (0, 1, 2)
SHORT = ["task=rte", "data.limit=64", "train.epochs=2", "offline=true"]


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """All runs in one process against a process for each."""
    methods, seeds, rounds = (METHODS[:2], SEEDS[:1], 1) if tiny else (METHODS, SEEDS, ROUNDS)
    runs = [[f"method={method}", f"seed={seed}"] for method, seed in itertools.product(methods, seeds)]
    sweep = [["-m", f"method={','.join(methods)}", f"seed={','.join(map(str, seeds))}"]]
    own: list[float] = []
    rates = in_turn({"one": partial(rate, sweep, len(runs), own), "many": partial(rate, runs, len(runs), [])}, rounds)
    limit = Limit(1 / statistics.median(own) / statistics.median(rates["many"]), "the runs' own seconds, of the sweep")
    ran = {**machine(), "overrides": SHORT, "methods": methods, "seeds": seeds}
    what = f"sweep of {len(runs)} mini runs (64 rows, 2 epochs) in one process"
    return [comparison(what, rates["one"], f"{len(runs)} separate processes", rates["many"], 3, "runs/s", ran, limit)]


def rate(commands: list[list[str]], runs: int, own: list[float]) -> float:
    """Of these commands, which do so many runs: runs per second, in a results folder and with a feature cache of their own.

    The seconds that each run says it took are added to `own`.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "LOPA_BENCH_CACHE": f"{folder}/cache"}
        started = time.perf_counter()
        for command in commands:
            arguments = [sys.executable, "-m", "lopa_bench", *command, *SHORT, f"results_dir={folder}/results"]
            subprocess.run(arguments, check=True, capture_output=True, env=environment)
        seconds = time.perf_counter() - started
        own += [parse(path.read_bytes()).seconds.total for path in Path(folder).rglob("result.json")]
        return runs / seconds
