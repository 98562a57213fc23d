"""Honest programs pass, however odd; and the real solutions of both benchmarks do."""

from __future__ import annotations

import json

import pytest
from honest import HONEST
from honest_with_files import WITH_SCRATCH

from lopa_bench.sandbox import (
    Program,
    cruxeval_input,
    cruxeval_output,
    mbxp_program,
    run_programs,
)

# Wrong on Python 3.11 by their own tests, as run by the official scorer too. 899 and 967 define a
# function named as the scorer's own.
FAILING_CANONICAL = {596, 601, 607, 631, 642, 899, 927, 966, 967}


pytestmark = pytest.mark.xdist_group("honest")  # one process runs them all, once


@pytest.fixture(scope="module")
def verdicts(levels):
    programs = [Program(name, code, tests) for name, (code, tests) in HONEST.items()]
    return {
        level: {v.id: v for v in run_programs(programs, timeout_s=30, workers=2, level=level)}
        for level in levels or [None]
    }


@pytest.fixture(scope="module")
def verdicts_with_scratch(levels):
    programs = [Program(name, code, tests) for name, (code, tests) in WITH_SCRATCH.items()]
    return {
        level: {v.id: v for v in run_programs(programs, timeout_s=30, workers=2, level=level)}
        for level in levels
        if level != "B"
    }


def test_there_are_enough():
    assert len(HONEST) >= 20


@pytest.mark.parametrize("name", HONEST)
def test_honest_program_passes(verdicts, name):
    for level, by_name in verdicts.items():
        verdict = by_name[name]
        assert verdict.passed, (level, verdict)
        assert verdict.official_passed is None


@pytest.mark.parametrize("name", WITH_SCRATCH)
def test_honest_program_with_files_passes(verdicts_with_scratch, name):
    for level, by_name in verdicts_with_scratch.items():
        assert by_name[name].passed, (level, by_name[name])


def test_canonical_mbpp_solutions(shared_data):
    lines = (shared_data / "mbpp/mxeval/mbpp_test_release_v1.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    programs = [
        mbxp_program(
            row["task_id"],
            row["prompt"],
            row["canonical_solution"],
            row["test"],
            row["entry_point"],
        )
        for row in rows
    ]
    assert sum(len(program.tests) for program in programs) == 1461 + 2
    assert not any(test.inside for program in programs for test in program.tests)
    failed = {v.id for v in run_programs(programs) if not v.passed}
    assert failed == {f"MBPP/{number}" for number in FAILING_CANONICAL}


@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_cruxeval_answers(shared_data, every):
    """What is given as the output is the output: asked as a test, and in both directions."""
    lines = (shared_data / "cruxeval/cruxeval.jsonl").read_text().splitlines()
    programs = []
    for row in map(json.loads, lines[::every]):
        code, given, output = row["code"], row["input"], row["output"]
        programs += [
            Program(row["id"], code, (f"assert f({given}) == {output}",)),
            cruxeval_input(row["id"], code, output, f"f({given})"),
            cruxeval_output(row["id"], code, output, output),
        ]
    verdicts = list(run_programs(programs))
    assert len(verdicts) == 2400 // every
    assert [v.id for v in verdicts if not v.passed] == []
