"""Starting: seconds until the tool answers, against one second, and against importing torch and transformers alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from functools import partial
from typing import Any

from contest.measure import Limit, comparison, in_turn, machine

REPEATS, GOAL_S = 5, 1.0
ANSWERS = {
    "help": ["--help"],
    "the list of models, methods and tasks": ["list"],
    "a wrong key": ["task=rte", "method=lopa", "method.rnk=3"],
    "the whole resolved config": ["task=rte", "--cfg", "job", "--resolve"],
}
IMPORTS, NOTHING = "importing torch and transformers", "an interpreter that does nothing"


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """Each answer against a second, and one against the imports that it does without."""
    repeats = 1 if tiny else REPEATS
    commands = {name: ["-m", "lopa_bench", *given] for name, given in ANSWERS.items()}
    commands |= {IMPORTS: ["-c", "import torch, transformers"], NOTHING: ["-c", ""]}
    rates = in_turn({name: partial(per_second, command) for name, command in commands.items()}, repeats)
    ran = {**machine(), "commands": {name: " ".join(["lopa-bench", *given]) for name, given in ANSWERS.items()}}
    second = [1 / GOAL_S] * repeats

    def against(name: str, said: str, other: str, theirs: list[float]) -> dict[str, Any]:
        limit = Limit(statistics.median(rates[NOTHING]) / statistics.median(theirs), NOTHING)
        return comparison(said, rates[name], other, theirs, 1, "1/s", ran, limit)

    answers = [
        against(name, f"{name}: {1 / statistics.median(rates[name]):.2f} s", f"{GOAL_S:.0f} s", second)
        for name in ANSWERS
    ]
    return [*answers, against("a wrong key", "a wrong key", IMPORTS, rates[IMPORTS])]


def per_second(arguments: list[str]) -> float:
    started = time.perf_counter()
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False)
    elapsed = time.perf_counter() - started
    if done.returncode not in (0, 2) or "Traceback" in done.stderr:
        raise RuntimeError(done.stderr)
    return 1 / elapsed
