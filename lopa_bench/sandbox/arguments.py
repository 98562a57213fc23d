"""CRUXEval's input prediction: one call of ``f``, whose arguments build values and no more.

An argument is an expression that a model wrote, and could do anything to the ``f`` it is for. So a
process that has no ``f`` evaluates it (``builder``), what leaves is plain data in ``codec``'s
form, and another process, which never sees the expression, makes the call with that (``call``).
Both run in a program's process.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import Any

from . import codec

Step = Callable[[dict[str, Any]], Any]

_REACHES_FURTHER = {
    "__import__", "breakpoint", "compile", "delattr", "eval", "exec", "exit", "getattr",
    "globals", "input", "locals", "open", "quit", "setattr", "vars",
}  # fmt: skip
# A function cannot be data, and some problems take one: a lambda of these, and of its own names.
_PURE = """abs all any bin bool chr dict divmod enumerate filter float frozenset hex int isinstance
len list map max min ord pow range repr reversed round set sorted str sum tuple zip""".split()
_METHODS = {name for kind in (str, bytes, int, float, list, tuple, dict, set) for name in dir(kind) if name[0] != "_"}
_SAYS_THE_CALL = "the arguments"  # a name that no text can say


def data_alone(code: str) -> str:
    """What ``code`` imports and assigns, which arguments may use; no function or class of it."""
    module = ast.parse(code)
    kept = (ast.Import, ast.ImportFrom, ast.Assign, ast.AnnAssign)
    module.body = [node for node in module.body if isinstance(node, kept)]
    return ast.unparse(module)


def builder(source: str) -> Step:
    """Evaluates the arguments of the call in ``source``; its lambdas become None.

    Raises:
        SyntaxError: not one call of ``f``, or an argument that reaches further than a value.
    """
    call = _parse(source)
    call.func = ast.copy_location(ast.Name(_SAYS_THE_CALL, ast.Load()), call.func)
    nothing = ast.Constant(None)
    call.args = [ast.copy_location(nothing, arg) if isinstance(arg, ast.Lambda) else arg for arg in call.args]
    for keyword in call.keywords:
        if isinstance(keyword.value, ast.Lambda):
            keyword.value = ast.copy_location(nothing, keyword.value)
    compiled = compile(ast.Expression(call), "<arguments>", "eval", dont_inherit=True)
    collect: dict[str, Any] = {"f": None, _SAYS_THE_CALL: lambda *given, **named: (given, named)}
    return lambda names: eval(compiled, names | collect)


def call(source: str, built: bytes) -> Step:
    """Calls ``f`` with what the builder's process answered, and with the lambdas in ``source``.

    Raises:
        Malformed, TooLarge: that answer is not what ``codec`` writes of arguments.
    """
    written = _parse(source)
    try:
        arguments: Any = codec.decode(codec.load(built)[1], codec.MAX_ITEMS)
        given, named = [*arguments[0]], {**arguments[1]}
        for position, node in enumerate(written.args):
            if isinstance(node, ast.Lambda):
                given[position] = _function(node)
        named |= {key.arg: _function(key.value) for key in written.keywords if isinstance(key.value, ast.Lambda)}
    except (TypeError, ValueError, LookupError):
        raise codec.Malformed from None
    compiled = compile("f(*given, **named)", "<test>", "eval", dont_inherit=True)
    return lambda names: eval(compiled, names, {"given": given, "named": named})


def _parse(source: str) -> ast.Call:
    call = ast.parse(source.strip(), mode="eval").body
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "f"):
        raise SyntaxError("not one call of f")
    for node in ast.walk(call):
        name = getattr(node, "attr", None) or getattr(node, "id", None) or ""
        if isinstance(node, ast.NamedExpr) or name.startswith("_") or name in _REACHES_FURTHER:
            raise SyntaxError("an argument that is more than a value")
    if any(isinstance(arg, ast.Starred) for arg in call.args) and any(isinstance(arg, ast.Lambda) for arg in call.args):
        raise SyntaxError("a lambda whose place is not known")
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(argument, ast.Lambda):
            _require_pure(argument)
    return call


def _require_pure(function: ast.Lambda) -> None:
    """It may use its parameters, builtins that compute, and the methods of plain data.

    None of these leads to a frame, a class or another function's names.
    """
    nodes = list(ast.walk(function))
    own = {node.arg for node in nodes if isinstance(node, ast.arg)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in nodes:
        unknown = isinstance(node, ast.Name) and node.id not in own and node.id not in _PURE
        further = isinstance(node, ast.Attribute) and node.attr not in _METHODS
        if unknown or further or isinstance(node, (ast.Yield, ast.YieldFrom, ast.Await)):
            raise SyntaxError("a lambda that does more than compute")


def _function(node: ast.Lambda) -> Any:
    names = {"__builtins__": {name: getattr(builtins, name) for name in _PURE}}
    return eval(compile(ast.Expression(node), "<arguments>", "eval", dont_inherit=True), names)
