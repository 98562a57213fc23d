"""From a benchmark's tests to calls for the program's process and values to compare outside it.

Tests are the benchmark's text and are parsed here, in the trusted process. What a model wrote
(programs, CRUXEval generations) is only ever parsed in the program's.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Container, Iterator
from typing import Any

from .program import Program, Test


class TestError(ValueError):
    """A test that is not Python, or not the shape its benchmark has. The message is one line."""

    __test__ = False


def parse_test(source: str) -> Test:
    """``assert call == literal``, in either order, is split if the call hides the answer; anything else is decided inside.

    Raises:
        TestError: not Python.
    """
    module = _parse(source)
    split = _split(module.body[0], source, {}) if len(module.body) == 1 else None
    return split or Test(source, kind="statements", inside=True)


def mbxp_program(id: Any, prompt: str, completion: str, test: str, entry_point: str) -> Program:
    """A problem of MBXP (mxeval), whose ``test`` is ``def check(candidate): assert …``.

    ``candidate`` in the asserts becomes ``entry_point``. If any statement of ``check`` is not of
    the form that can be split, or there is more in ``test`` that it could need, the whole is run inside.

    Raises:
        TestError: no such function, or ``entry_point`` is no name.
    """
    if not entry_point.isidentifier():
        raise TestError(f"entry_point {entry_point!r} is not a name")
    module = _parse(test)
    functions = [node for node in module.body if isinstance(node, ast.FunctionDef)]
    check = next((node for node in functions if node.name == "check"), None)
    if check is None or len(check.args.args) != 1:
        raise TestError("test: no function check(candidate)")
    code = f"{prompt}{completion}\n\n"  # as with the test behind it: a backslash at the end goes on in an empty line
    whole = f"{test}\ncheck({entry_point})"
    candidate = check.args.args[0].arg
    alone = _stands_alone(check, module)
    split = [_split(statement, test, {candidate: entry_point}) for statement in check.body]
    tests = [each for each in split if each is not None]
    if len(tests) < len(split) or not alone:
        tests = [Test(whole, kind="statements", inside=True)]
    elif entry_point == check.name:
        # The official text then defines the function over the program's own and no program can
        # pass (MBPP/899 and 967). So here too, without showing the program its tests.
        tests.insert(0, Test(f"def {check.name}({candidate}): ...", kind="statements"))
    return Program(id, code, tuple(tests), f"{code}{whole}", frozenset(_bound(module)))


def cruxeval_input(id: Any, code: str, output: str, generation: str) -> Program:
    """Input prediction: ``generation`` must be one call of ``f`` that returns ``output``.

    Raises:
        TestError: ``output`` is no literal.
    """
    test = Test(generation, _literal(output), kind="call_of_f")
    return Program(id, code, (test,), official=f"{code}\nassert {output} == {generation}")


def cruxeval_output(id: Any, code: str, output: str, generation: str) -> Program:
    """Output prediction: ``generation`` must be a literal equal to ``output``; nothing is executed.

    Raises:
        TestError: ``output`` is no literal.
    """
    test = Test(generation, _literal(output), kind="literal")
    return Program(id, "", (test,), official=f"{code}\nassert {output} == {generation}")


def _parse(source: str) -> ast.Module:
    try:
        module = ast.parse(source)
        compile(module, "<test>", "exec", dont_inherit=True)  # refuses more, as a stray return
        return module
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise TestError(f"test is not Python: {error}") from None


def _literal(text: str) -> object:
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise TestError(f"output is not a literal: {text[:60]!r}") from None


def _stands_alone(check: ast.FunctionDef, module: ast.Module) -> bool:
    """Whether the asserts of ``check`` mean the same without all that is around them."""
    names = {node.id for node in ast.walk(check) if isinstance(node, ast.Name)}
    plain = ast.unparse(check.args) == check.args.args[0].arg and not check.decorator_list
    return plain and "METADATA" not in names and all(node is check or _describes(node) for node in module.body)


def _bound(module: ast.Module) -> Iterator[str]:
    """The names that a test defines."""
    for node in ast.walk(module):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).partition(".")[0]


def _describes(node: ast.stmt) -> bool:
    """A docstring, ``METADATA = …``, or nothing."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant)
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    named = bool(targets) and all(isinstance(t, ast.Name) and t.id == "METADATA" for t in targets)
    return named or isinstance(node, ast.Pass)


def _split(statement: ast.stmt, source: str, rename: dict[str, str]) -> Test | None:
    if not (isinstance(statement, ast.Assert) and isinstance(statement.test, ast.Compare)):
        return None
    comparison = statement.test
    if len(comparison.ops) != 1 or not isinstance(comparison.ops[0], ast.Eq):
        return None
    left, right = comparison.left, comparison.comparators[0]
    for call, literal in ((left, right), (right, left)):
        if isinstance(call, ast.Call) and _hides_the_answer(call, rename):
            try:
                expected = ast.literal_eval(literal)
            except (ValueError, TypeError):
                continue
            return Test(_text(call, source, rename), expected)
    return None


def _hides_the_answer(call: ast.Call, tested: Container[str]) -> bool:
    """Whether the call can be shown to the program without telling it what would pass.

    A call of the function that is ``tested``: yes. Where none is named it may be any, of arguments
    that name nothing of the program's: ``isclose(f(2), 1.5)`` and ``abs(f(2) - 1.5)`` would tell the
    answer, and let the program compare. A builtin around it may merely convert (``set(f(x))``).
    """
    if not isinstance(call.func, ast.Name):
        return False
    if call.func.id in tested:
        return True
    arguments = [*call.args, *(keyword.value for keyword in call.keywords)]
    if hasattr(builtins, call.func.id) and len(arguments) == 1 and isinstance(arguments[0], ast.Call):
        return _hides_the_answer(arguments[0], tested)
    nodes = [node for argument in arguments for node in ast.walk(argument)]
    names = [node for node in nodes if isinstance(node, ast.Name)]
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}  # a lambda's parameters
    own |= {node.id for node in names if isinstance(node.ctx, ast.Store)}  # a comprehension's variables
    return all(hasattr(builtins, node.id) or node.id in own for node in names)


def _text(call: ast.Call, source: str, rename: dict[str, str]) -> str:
    """The call as source text. Cut out of its line where it can be: unparsing is slow."""
    names = [node for node in ast.walk(call) if isinstance(node, ast.Name) and node.id in rename]
    if call.lineno == call.end_lineno and not names[1:]:
        line = source.encode().splitlines()[call.lineno - 1]  # text would split where the parser does not
        text = line[call.col_offset : call.end_col_offset].decode()
        if not names:
            return text
        if names[0] is call.func:  # in parentheses, maybe
            before, behind = (
                offset - call.col_offset for offset in (names[0].col_offset, names[0].end_col_offset or 0)
            )
            raw = text.encode()
            return f"{raw[:before].decode()}{rename[names[0].id]}{raw[behind:].decode()}"
    for node in names:
        node.id = rename[node.id]
    return ast.unparse(call)
