"""What counts for pass@k on MBPP and CRUXEval, by the rules of mxeval and of cruxeval's `evaluate_score`."""

import json

import pytest

from lopa_bench.errors import RunFailed
from lopa_bench.metrics import programs
from lopa_bench.metrics.pass_at_k import mean_pass_at_k
from lopa_bench.sandbox import Reason, Verdict

DOUBLE = {
    "task_id": "MBPP/0",
    "prompt": "def double(n):\n",
    "test": "def check(candidate):\n    assert candidate(2) == 4\n    assert candidate(0) == 0\n",
    "entry_point": "double",
}
REVERSE = {"id": "sample_0", "code": "def f(x):\n    return x[::-1]", "input": "'ab'", "output": "'ba'"}


def cruxeval(mode, *generations):
    return programs.passed(programs.cruxeval(mode, [REVERSE], [generations])[0])


def test_mbpp_runs_prompt_and_completion_against_all_asserts():
    completions = ["    return 2 * n", "    return 4", "    raise SystemExit(0)", "    return n +"]
    verdicts = programs.mbpp([DOUBLE], [completions])
    assert programs.passed(verdicts[0]) == [True, False, False, False]


def test_mbpp_verdicts_stay_with_their_problem():
    other = {**DOUBLE, "task_id": "MBPP/1", "test": "def check(candidate):\n    assert candidate(2) == 3\n"}
    verdicts = programs.mbpp([DOUBLE, other], [["    return 2 * n"], ["    return 2 * n", "    return n + 1"]])
    assert [programs.passed(each) for each in verdicts] == [[True], [False, True]]


def test_cruxeval_output_compares_values_not_text():
    assert cruxeval("output", "'ba'", '"ba"', "'ab'") == [True, True, False]


def test_cruxeval_input_is_any_call_that_returns_the_output():
    assert cruxeval("input", "f('ab')", 'f("a" + "b")', "f('ba')") == [True, True, False]


def test_cruxeval_skips_inputs_without_a_call():
    assert cruxeval("input", "'ab'", "f('ab')") == [None, True]


def test_cruxeval_skips_outputs_that_repeat_the_call():
    assert cruxeval("output", "f('ab')", "'ba'") == [None, True]


def test_cruxeval_counts_every_generation_as_failed_where_none_passes():
    assert cruxeval("input", "'ab'", "f('xy')", "[]") == [False, False, False]


def test_a_pasted_assert_passes_the_official_harness_only():
    verdicts = programs.cruxeval("output", [REVERSE], [["1 or True"]])[0]
    assert programs.passed(verdicts) == [False]
    assert programs.passed(verdicts, official=True) == [True]


@pytest.mark.slow
def test_canonical_solutions_of_mbpp_pass_but_the_nine_that_fail_their_own_tests(shared_data):
    folder = shared_data / "data/mbpp/mxeval"
    problems = _rows(folder / "mbpp_test_release_v1.jsonl")
    solutions = {
        row["task_id"]: row["completion"] for row in _rows(folder / "mbpp_release_v1_canonical_solutions.jsonl")
    }
    verdicts = programs.mbpp(problems, [[solutions[row["task_id"]]] for row in problems])
    passed = [programs.passed(each) for each in verdicts]
    assert sum(map(any, passed)) == 478
    assert mean_pass_at_k(passed) == {"pass@1": pytest.approx(100 * 478 / 487)}


def test_a_sandbox_that_gives_no_verdict_is_not_the_programs_fault(monkeypatch):
    verdict = Verdict("sample_0", False, Reason.HARNESS_ERROR, "its worker was killed", 0.0, 0.0, "A")
    monkeypatch.setattr(programs, "run_programs", lambda *_, **__: iter([verdict]))
    with pytest.raises(RunFailed, match="sample_0: the sandbox gave no verdict: its worker was killed"):
        cruxeval("output", "'ba'")


def _rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
