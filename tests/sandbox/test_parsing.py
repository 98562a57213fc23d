"""Tests become calls for the program's process and values to be compared outside."""

from __future__ import annotations

import pytest

from lopa_bench.sandbox import (
    Program,
    Reason,
    TestError,
    cruxeval_input,
    cruxeval_output,
    mbxp_program,
    parse_test,
    run_programs,
)


@pytest.mark.parametrize(
    ("source", "call", "expected"),
    [
        ("assert f(1) == 2", "f(1)", 2),
        ("assert 2 == f(1)", "f(1)", 2),
        ("assert f('é', [1]) == {'a': (1, None)}, 'message'", "f('é', [1])", {"a": (1, None)}),
        ("assert (f(1,\n  2)\n == -1)", "f(1, 2)", -1),
        *((f"# {end}\r\nassert f('é{end}') == 2", f"f('é{end}')", 2) for end in "\v\f\x1c\x1d\x1e\x85\u2028\u2029"),
        ("assert set(f([1])) == {1}", "set(f([1]))", {1}),
        ("assert max(1, 2) == 2", "max(1, 2)", 2),
        ("assert f(set([float('inf')]), int) == 2", "f(set([float('inf')]), int)", 2),
        ("assert f(lambda x: x + 1, [y for y in [2]]) == 3", "f(lambda x: x + 1, [y for y in [2]])", 3),
    ],
)
def test_split(source, call, expected):
    test = parse_test(source)
    assert (test.source, test.expected, test.inside) == (call, expected, False)


@pytest.mark.parametrize(
    "source",
    [
        "assert f(1)",
        "assert f(1) != 2",
        "assert f(1) == g(2)",
        "assert abs(f(1) - 2) == 0",  # would show the 2, and a patched abs would give the 0
        "assert math.isclose(f(1), 2.0) == True",
        "assert isclose(f(1), 2.0) == True",  # the program's own isclose would give the True
        "assert all_are(f, {1: 2}) == True",
        "assert set(isclose(f(1), 2.0)) == {True}",
        "assert f(Pair(1, 2)) == 2",  # for all one can know, Pair is the one that is tested
        "x = f(1)\nassert x == 2",
        "assert 1 < f(1) == 2",
    ],
)
def test_other_shapes_are_decided_inside_and_marked(source):
    test = parse_test(source)
    assert test.inside
    assert test.source == source


def test_not_python():
    for source in ("assert f(1 == 2", "assert '\ud800", "(" * 1000):
        with pytest.raises(TestError, match="not Python"):
            parse_test(source)


def test_mbxp():
    test = """
"About it."

METADATA = {}


def check(candidate):
    assert candidate('é', candidate(1)) == [2]
    assert sorted(candidate(Pair(3, 4)))==[4]
"""
    program = mbxp_program("MBPP/1", "def g(x):\n", "    return x", test, "g")
    assert [(t.source, t.expected, t.inside) for t in program.tests] == [
        ("g('é', g(1))", [2], False),
        ("sorted(g(Pair(3, 4)))", [4], False),
    ]
    assert program.code == "def g(x):\n    return x\n\n"
    assert program.official.endswith("\ncheck(g)")


INSIDE = [
    "def check(candidate):\n    for i in range(3):\n        assert candidate(i) == i",
    "import math\ndef check(candidate):\n    assert candidate(math.floor(2.5)) == 2",
    "def two(): return 2\ndef check(candidate):\n    assert candidate(two()) == 2",
    "METADATA = {'n': 2}\ndef check(candidate):\n    assert candidate(METADATA['n']) == 2",
    "def check(candidate, *, n=2):\n    assert candidate(n) == 2",
    "def check(candidate):\n    assert same(candidate(2), 2) == True",
    "def check(candidate):\n    assert candidate(2) == 3\ndef check(candidate):\n    assert candidate(2) == 2",
]


def test_mbxp_of_another_shape_is_run_whole_inside():
    programs = [
        mbxp_program(test, "def g(x):\n", "    return x\ndef same(x, y): return x == y", test, "g") for test in INSIDE
    ]
    assert [[t.inside for t in program.tests] for program in programs] == [[True]] * len(INSIDE)
    verdicts = list(run_programs(programs, workers=1))
    assert all(verdict.inside for verdict in verdicts)
    assert [verdict.id for verdict in verdicts if not verdict.passed] == []


@pytest.mark.parametrize("test", ["x = 1", "def check(a, b): pass", "def other(c): pass", "def ("])
def test_mbxp_without_a_check(test):
    with pytest.raises(TestError):
        mbxp_program("1", "", "", test, "g")


# A generation to the reason and whether the official harness would pass it where we do not. The
# output asked for is 5.
INPUTS = {
    "f(5)": ("passed", None),
    " f(2,\n 3) ": ("passed", None),
    "f(*[2], **{'y': 3})": ("passed", None),
    "f(len('abcde'))": ("passed", None),
    "f(1)": ("wrong_value", None),
    "f(": ("syntax", None),
    "": ("syntax", None),
    "5": ("syntax", True),
    "f(1) or True": ("syntax", True),
    "f(5), 'message'": ("syntax", True),
    "f(5)\nassert True": ("syntax", True),
    "g(5)": ("syntax", None),
    "f(5).real": ("syntax", True),
    "f(exec('f = 1') or 5)": ("syntax", True),
    "f((5).__class__(5))": ("syntax", True),
    "f((y := 5))": ("syntax", True),
    "\nf(5)": ("passed", False),
}
OUTPUTS = {
    "5": ("passed", None),
    " 5.0 ": ("passed", None),
    "6": ("wrong_value", None),
    "2 + 3": ("syntax", True),
    "3 or True": ("syntax", True),
    "5, 'message'": ("wrong_value", True),
    "\n5": ("passed", False),
    "(5\n)": ("passed", None),
    "5\nassert True": ("syntax", True),
    "f(5)": ("syntax", True),
    "(" * 5000: ("syntax", None),
    "[" * 3000 + "]" * 3000: ("syntax", None),
    "type('E', (), {'__eq__': lambda s, o: True})()": ("syntax", True),
}


@pytest.mark.parametrize(("make", "cases"), [(cruxeval_input, INPUTS), (cruxeval_output, OUTPUTS)])
def test_cruxeval(make, cases):
    code = "def f(x, y=0): return x + y"
    programs = [make(generation, code, "5", generation) for generation in cases]
    found = {v.id: (v.reason.value, v.official_passed) for v in run_programs(programs)}
    assert found == cases


def test_a_forged_equality_and_arguments_that_are_one_are_named_as_the_official_pass():
    forged = "class E:\n    def __eq__(self, other): return True\ndef f(x): return E()"
    both = "def f(a, b):\n    a.append(1)\n    return b[0]"
    programs = [Program(1, forged, ("assert f(1) == 2",)), cruxeval_input(2, both, "1", "f(*[[]] * 2)")]
    programs.append(cruxeval_input(3, both.replace("[0]", ""), "[1]", "f(*[[]] * 2)"))
    verdicts = list(run_programs(programs, workers=1))
    assert [verdict.reason for verdict in verdicts] == [Reason.WRONG_VALUE, Reason.EXCEPTION, Reason.WRONG_VALUE]
    assert [verdict.official_passed for verdict in verdicts] == [True] * 3


CHECK = "METADATA = {}\n\n\ndef check(candidate):\n    assert candidate(1) == 1\n"


@pytest.mark.parametrize(("completion", "reason", "official"), [
    ("    return check(x)\n\ndef check(x):\n    return x\n", "passed", False),
    ("    return METADATA.get(x, x)\n\nMETADATA = {1: 1}\n", "passed", None),
    ("    return METADATA[x]\n\nMETADATA = {1: 1}\n", "passed", False),
    ("    return checked(x)\n\ndef checked(x):\n    return x\n", "passed", None),
    ("    return x\\", "passed", None),
    ("    return x\n\n@lambda check: lambda candidate: None", "syntax", None),
])  # fmt: skip
def test_a_pass_that_the_official_text_would_not_see_is_named(completion, reason, official):
    (verdict,) = run_programs([mbxp_program(1, "def g(x):\n", completion, CHECK, "g")])
    assert (verdict.reason.value, verdict.official_passed) == (reason, official)


def test_a_decorator_of_the_tests_is_named_as_the_official_pass():
    forged = "    return x\n\n@lambda check: lambda candidate: None"
    (verdict,) = run_programs([mbxp_program(1, "def g(x):\n", forged, CHECK.removeprefix("METADATA = {}"), "g")])
    assert (verdict.reason, verdict.official_passed) == (Reason.SYNTAX, True)


def test_a_name_in_parentheses_is_the_name():
    test = CHECK.replace("candidate(1)", "(candidate)(1)")
    program = mbxp_program(1, "def g(x):\n", "    return x\n", test, "g")
    assert [each.source for each in program.tests] == ["(g)(1)"]
    assert next(run_programs([program])).passed


def test_a_forged_check_inside_is_marked():
    code = "import builtins\nbuiltins.abs = lambda x: 0\ndef f(x): return 9"
    verdict = next(run_programs([Program(1, code, ("assert abs(f(1) - 2) < 1",))]))
    assert verdict.passed
    assert verdict.inside
