"""Every process collects the same tests, without which pytest-xdist ends the suite, and those of a group meet in one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_two_processes_collect_the_same():
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-o",
        "addopts=",
        "-q",
        "--collect-only",
        "-p",
        "no:cacheprovider",
        "tests",
    ]
    collecting = [
        subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    first, second = ([line for line in p.communicate(timeout=300)[0].splitlines() if "::" in line] for p in collecting)
    assert len(first) > 1000
    assert first == second


@pytest.mark.xdist_group("together")
def test_a_group_is_one(request):
    """pytest 9.2 hides the name that pytest-xdist 3.8 adds: each process then runs the sandbox's attacks and starts METEOR's Java anew."""
    assert request.node.nodeid.endswith("@together") or "PYTEST_XDIST_WORKER" not in os.environ
