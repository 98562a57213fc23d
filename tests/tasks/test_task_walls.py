"""Nothing outside of tasks/ and conf/task/ knows a task; the study's tables and claims name those that the paper shows, as they must."""

import ast
from pathlib import Path

import pytest

import lopa_bench
from lopa_bench.tasks.known import names

PACKAGE = Path(lopa_bench.__file__).parent
# The paper's tables and claims are about tasks; the embedded data sets are each one task's.
ROOMS_ABOUT_TASKS = {"tasks", "study", "mini"}
SYSTEM_CALLS = "sandbox/seccomp.py"  # one of which is called write
BENCHMARKS = "cli/score.py"  # takes the file formats of benchmarks, by their names, whatever tasks there are


def told_apart(tree):
    """The lines on which a task's name is compared with, or is the key of a table."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            found = [part for side in (node.left, *node.comparators) for part in ast.walk(side)]
        elif isinstance(node, ast.Dict):
            found = [part for key in node.keys if key is not None for part in ast.walk(key)]
        elif isinstance(node, ast.MatchValue):
            found = list(ast.walk(node))
        else:
            continue
        if any(isinstance(part, ast.Constant) and part.value in names() for part in found if hasattr(part, "value")):
            yield node.lineno


def test_no_room_tells_tasks_apart():
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        inside = path.relative_to(PACKAGE)
        if inside.parts[0] not in ROOMS_ABOUT_TASKS and inside.as_posix() not in {BENCHMARKS, SYSTEM_CALLS}:
            found += [f"{inside}:{line}" for line in told_apart(ast.parse(path.read_text(encoding="utf-8")))]
    assert found == []


@pytest.mark.parametrize(
    "code", ['x == "rte"', 'x in ("rte", "a")', '{"mrpc": 1}', '{("sst2", "a"): 1}', 'match x:\n    case "rte": pass']
)
def test_the_check_sees_what_it_is_for(code):
    assert list(told_apart(ast.parse(code)))
