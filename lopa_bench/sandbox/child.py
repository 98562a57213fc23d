"""What happens in the process of one program, from the fork to ``_exit``: lock up, run, reply.

Nothing here is trusted once the program has started: it shares this memory. It holds no expected
value, and all that leaves is bytes on the reply pipe (``frames`` below, read by ``judge``).
"""

from __future__ import annotations

import ast
import builtins
import gc
import os
from typing import Any, NamedTuple

from . import arguments, codec, limits, linux, seccomp, wire
from .interpreter import View

REPLY = 3  # the only descriptor besides the standard three
_READY = b'\0\0\0\x09["ready"]'


class Lock(NamedTuple):
    """What a program's process shuts behind itself; its zygote has made it ready.

    ``calls`` are what Landlock, the capabilities, the kernel's watch on the parent and seccomp
    take. ``bind_to_pid``: the last of them is still to be made, for the process's own number. The
    limits but the CPU's, ``no_new_privs`` and the zygote's seccomp filter it has inherited.
    """

    view: View
    scratch: str | None
    calls: tuple[linux.Call, ...]
    bind_to_pid: bool


def run(text: int, size: int, cpu: tuple[int, int], reply: int, lock: Lock) -> None:
    """Never returns. ``text`` is the file with the program's code and steps [kind, source]."""
    status = 1
    try:
        job = wire.read_file(text, size)
        _shut(reply, lock, cpu)
        # Without it the program never ran, and the harness is to blame. It fails when the parent,
        # the only reader, died too early for the kernel's watch.
        os.write(REPLY, _READY)
        gc.enable()
        _execute(job["code"], job["steps"])
        status = 0
    except BaseException:  # the program can break whatever would reply for it
        pass
    finally:
        os._exit(status)


# Something of everything that most programs need: their own use of it then finds caches filled.
_REHEARSAL = """
import math
from collections import Counter

class Box:
    def __init__(self, content):
        self.content = content

def f(items, least=2, *more, **named):
    found = {1, 2} & set(items)
    while least > 10:
        least -= 1
    for i in range(len(items)):
        if i % 2 == 0 and items[i] != least:
            found.add(i)
    try:
        pairs = {key: value for key, value in zip(items, sorted(items, key=lambda x: -x)) if value}
    except ValueError as error:
        raise
    text = "".join(map(str, items)).upper() + "a"[0:1]
    return [tuple(found), pairs, found, text, True, None, 1.5, Box(least).content, math.sqrt(4)]
"""


def rehearse() -> None:
    """Run a program of our own, in the zygote: its descriptor ``REPLY`` must lead nowhere.

    The interpreter's caches and the code of this module settle into their final state. Each page
    that would change in a program's process instead would have to be copied there, every time.
    """
    _execute(_REHEARSAL, [("expression", call, b"") for call in ("f([1, 2, 3], 12)", "f((1, 2), least=5)")])


def _shut(reply: int, lock: Lock, cpu: tuple[int, int]) -> None:
    """From the strongest powers needed to the weakest. Any failure ends the process unrun."""
    os.setsid()
    limits.apply_cpu(cpu)
    calls = (*lock.calls, seccomp.prepared(os.getpid())) if lock.bind_to_pid else lock.calls
    for call in calls:
        if call() != 0:
            raise OSError
    os.dup2(reply, REPLY)
    os.closerange(REPLY + 1, 256)


def _execute(code: str, steps: list[tuple[str, str, bytes]]) -> None:
    """Reply once for the code and once for each step, in order, up to the first that fails."""
    try:
        # Parsing comes before running: afterwards the parser is the program's too.
        if any(kind == "arguments" for kind, *_ in steps):
            code = arguments.data_alone(code)
        program = compile(code, "<program>", "exec", dont_inherit=True)
        prepared = [_prepare(*step) for step in steps]
    except (codec.Malformed, codec.TooLarge):
        return _send("malformed")
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return _send("syntax")
    # No __name__, as in the official harnesses: a __main__ guard stays shut.
    namespace: dict[str, Any] = {}
    kinds = ["statements", *(kind for kind, *_ in steps)]
    for kind, step in zip(kinds, [lambda names: exec(program, names), *prepared], strict=True):
        try:
            value = step(namespace)
        except BaseException as error:
            return _send("exception", _builtin_name(type(error)))
        try:
            payload = codec.dump(value, exact=True) if kind == "arguments" else codec.dump(value)
            _write(b'["value",' + payload + b"]")
        except codec.Opaque:
            return _send("arguments" if kind == "arguments" else "opaque")
        except codec.TooLarge:
            return _send("limit")
    return None


def _prepare(kind: str, source: str, built: bytes) -> arguments.Step:
    """A step ready to run: an expression, statements, a literal, arguments for ``f`` or its call."""
    if kind == "literal":
        value = ast.literal_eval(source)
        return lambda _: value
    if kind == "statements":
        statements = compile(source, "<test>", "exec", dont_inherit=True)
        return lambda names: exec(statements, names)
    if kind == "arguments":
        return arguments.builder(source)
    if kind == "call":
        return arguments.call(source, built)
    expression = compile(source.strip(), "<test>", "eval", dont_inherit=True)
    return lambda names: eval(expression, names)


def _builtin_name(kind: type) -> str:
    """The nearest builtin exception: a class's own name is the program's text, and stays here."""
    for base in type.__dict__["__mro__"].__get__(kind):
        name: str = type.__dict__["__name__"].__get__(base)  # past what a metaclass may override
        if getattr(builtins, name, None) is base:
            return name
    return "BaseException"


def _send(*parts: str) -> None:
    _write(b"[" + b",".join(b'"' + part.encode() + b'"' for part in parts) + b"]")


def _write(payload: bytes) -> None:
    length = bytes.__len__(payload)  # builtins.len may be the program's by now
    frame = length.to_bytes(4, "big") + payload
    while frame:
        frame = frame[os.write(REPLY, frame) :]
