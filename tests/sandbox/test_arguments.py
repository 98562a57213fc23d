"""CRUXEval's input side: arguments build values, and nothing they do reaches the function."""

from __future__ import annotations

import pytest

from lopa_bench.sandbox import Program, Test, cruxeval_input, run_programs

CODE = """
known = [1, 2]
def f(text, key=None):
    words = sorted(text.upper().split(), key=key)
    return ' '.join(words)
"""
OUTPUT = "'NEVER SAID'"
GENERATOR = "[g for g in [(g.gi_frame.f_back.f_back for _ in [0])] for _ in [0]]"
# None of these is an input of f that returns OUTPUT.
FORGERIES = [
    "f(type('X', (str,), {'upper': lambda s: type('Y', (), {'split': lambda s: ['NEVER', 'SAID']})()})('a'))",
    "f(type('X', (), {'upper': lambda s: s, 'split': lambda s: ['NEVER', 'SAID']})())",
    "f(type('X', (list,), {'upper': lambda s: s, 'split': list.copy})(['NEVER', 'SAID']))",
    "f((lambda g: [g.gi_frame.f_back.f_globals.update(f=lambda *a: 'NEVER SAID'), 'a'][1])((i for i in [0])))",
    "f([[h.update(f=lambda *a, **k: 'NEVER SAID') for h in [g.gi_frame.f_globals]] and 'a' for g in [(i for i in [0])]][0])",
    "f([x.update(f=lambda *a: 'NEVER SAID') or 'a' for x in [(lambda: 0).func_globals]][0])",
    "f([m.modules['builtins'].update(sorted=lambda *a, **k: ['NEVER', 'SAID']) for m in [sys]] or 'a')",
    "f(type(compile)('f').fromkeys('a'))",
    "f(memoryview(b'NEVER SAID'))",
    "f(property(lambda s: 'NEVER SAID'))",
    "f(slice('NEVER', 'SAID'))",
    "f(map(str, [1]))",
    "f(f)",
    "f(f('a'))",
    "f('a', f('b'))",
    "f(known, key=f)",
    "f(help('NEVER SAID'))",
    "f(print('NEVER SAID'))",
    "f(quit())",
    "f('a', key=lambda x: (yield 'NEVER SAID'))",
    "f('a', key=lambda x: x.__class__)",
    "f('a', key=lambda x, g=(i for i in [0]): g.gi_frame.f_back.f_locals.clear())",
    "f('a', key=lambda x: type('X', (), {}))",
    "f('a', key=lambda x: print(x) or x)",
    "f('a', key=lambda x: known.clear())",
    "f('a', key=lambda x: open('/tmp/x', 'w'))",
    "f(*[lambda: 0, 'a'])",
    "f('a' * 10**8)",
    "f([[]] * 10**6)",
    "f(1/0)",
    "f('NEVER' 'SAID', **{1: 2})",
    "f('NEVER SAID'.join(['a', 'b']), None, None)",
    "f(\"never said\".__class__('never said'))",
    "f('\\ud800')",
    "f({}.__getitem__)",
    "f(" + "[" * 70 + "]" * 70 + ")",
    "f('a') if False else 'NEVER SAID'",
    "f('a'), 'NEVER SAID'",
    "f('a') or 'NEVER SAID'",
    "(f)('a').replace('A', 'NEVER SAID')",
    "lambda f: f('NEVER SAID')",
    "f(await g())",
    "f(",
    "f('a'))#",
]
HONEST = [
    "f('never said')",
    "f('said never')",
    "  f( text = 'never said' )  ",
    "f(*['never said'])",
    "f(**{'text': 'never said', 'key': None})",
    "f(' '.join(['never', 'said']))",
    "f('NEVER' + chr(32) + 'SAID')",
    "f('said never', lambda word: word.lower())",
    "f('said never', key=lambda w: [ord(c) for c in w])",
    "f(['never said', known][0])",
    "f('never said', None)",
]


@pytest.mark.parametrize("generation", FORGERIES)
def test_no_argument_forges(verdicts, generation):
    verdict = verdicts[generation]
    assert not verdict.passed
    assert verdict.reason.value != "harness_error"


@pytest.mark.parametrize("generation", HONEST)
def test_values_pass(verdicts, generation):
    assert verdicts[generation].passed, verdicts[generation]


@pytest.fixture(scope="module")
def verdicts():
    programs = [cruxeval_input(text, CODE, OUTPUT, text) for text in (*FORGERIES, *HONEST)]
    return {v.id: v for v in run_programs(programs, timeout_s=5, workers=2)}


PLAIN = [
    "None", "...", "-0.0", "float('nan')", "2 ** 70", "1j", "b'x'", "bytearray(b'x')", "{1: [2, (3, {4})]}",
    "frozenset([1])", "range(3, 9, 2)", "'\\ud800'", "[[], {}, (), '']", "set('abc')", "dict(a=1)", "True",
]  # fmt: skip


@pytest.mark.parametrize("argument", PLAIN)
def test_what_f_gets_is_what_was_written(argument):
    code = f"def f(x): return [type(x).__name__, repr(x)] == [type({argument}).__name__, repr({argument})]"
    assert next(run_programs([cruxeval_input(1, code, "True", f"f({argument})")], workers=1)).passed


def test_what_arguments_do_is_gone_before_the_call():
    """The two processes share no directory, module or builtin."""
    code = "import os, builtins\ndef f(x): return [len(x), os.listdir('.') if os.getcwd() != '/' else []]"
    text = "f([os.mkdir('mark') if os.getcwd() != '/' else 0, os.environ.update(a='b')])"
    assert next(run_programs([cruxeval_input(1, code, "[2, []]", text)], workers=1)).passed


def test_time_and_verdict_are_of_both_processes():
    code = "def f(n):\n    while n: pass"
    program = cruxeval_input(1, code, "None", "f(sum(range(10**7)))")
    verdict = next(run_programs([program], workers=1, timeout_s=1))
    assert verdict.reason.value == "timeout"
    assert 1 <= verdict.wall_seconds < 3
    assert verdict.id == 1


def test_several_calls_and_other_tests_of_one_program():
    tests = (Test("f(1)", 1, kind="call_of_f"), Test("f(2)", 2), Test("f(3 + 4)", 7, kind="call_of_f"))
    assert next(run_programs([Program(1, "def f(x): return x", tests)], workers=1)).passed


def test_what_the_official_harness_would_pass_is_named():
    code = "limit = 3\ndef g(x): return x\ndef f(x): return x"
    found = [
        v.official_passed
        for v in run_programs([cruxeval_input(1, code, "3", t) for t in ("f(g(3))", "f(limit)", "f(g(4))")])
    ]
    assert found == [True, None, None]
