"""Classic BPF, as seccomp takes it: from what each system call is answered to instructions."""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from typing import NamedTuple

ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}  # AUDIT_ARCH_*

_LOAD, _AND, _JUMP_EQUAL, _JUMP_ABOVE, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x06
ALLOW, _KILL = 0x7FFF0000, 0x80000000
_ERROR = 0x00050000
REFUSE, ABSENT, UNSUPPORTED = _ERROR | errno.EPERM, _ERROR | errno.ENOSYS, _ERROR | errno.EOPNOTSUPP
PRETEND = _ERROR | 0  # the call returns 0 and does nothing
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_FARTHEST = 255  # instructions a conditional jump can skip

Numbers = tuple[int, int | None]


class Is(NamedTuple):
    """One condition on half an argument: ``(word & mask) == value``."""

    word: int  # 2 * argument for its low 32 bits, one more for the high ones
    value: int
    mask: int = 0xFFFFFFFF


Conditions = dict[Numbers, list[list[Is]]]  # alternatives, each a list of conditions
Bodies = dict[int, list[bytes]]  # number of a call: what follows once it is known to be that call


def any_of(argument: int, *values: int) -> list[list[Is]]:
    return [[Is(2 * argument, value)] for value in values]


def answered(calls: Iterable[Numbers], column: int, answer: int) -> Bodies:
    """The same answer for each call, whatever its arguments; ``column`` is the architecture's."""
    numbers = (each[column] for each in calls)
    return {number: [_instruction(_RETURN, answer)] for number in numbers if number is not None}


def conditional(allowed: Conditions, pretended: Conditions, column: int) -> Bodies:
    """Answers that hang on arguments; EPERM where none of the conditions holds."""
    bodies = answered([*allowed, *pretended], column, REFUSE)
    for conditions, answer in ((pretended, PRETEND), (allowed, ALLOW)):
        for numbers, alternatives in conditions.items():
            if (number := numbers[column]) is not None:
                checks = [step for alternative in alternatives for step in _check(alternative, answer)]
                bodies[number] = checks + bodies[number]
    return bodies


def assemble(architecture: str, bodies: Bodies, otherwise: int) -> bytes:
    """The whole filter; a call without a body is answered ``otherwise``."""
    program = [
        _instruction(_LOAD, _ARCH),
        _instruction(_JUMP_EQUAL, ARCHITECTURES[architecture], 1, 0),
        _instruction(_RETURN, _KILL),  # another ABI has other numbers
        _instruction(_LOAD, _NUMBER),
        *_search(sorted(bodies.items()), otherwise),
    ]
    return b"".join(program)


def _search(bodies: list[tuple[int, list[bytes]]], otherwise: int) -> list[bytes]:
    """Go to the body of the loaded number: by halves, for the kernel walks the filter for each
    number there is when it is installed, once for every program. (The x32 calls, which share
    x86_64's name, have numbers above all of these.)
    """
    if len(bodies) > 3:
        half = len(bodies) // 2
        while len(low := _search(bodies[:half], otherwise)) > _FARTHEST:
            half = half * 3 // 4
        high = _search(bodies[half:], otherwise)
        return [_instruction(_JUMP_ABOVE, bodies[half][0], len(low), 0), *low, *high]
    program = []
    for number, body in bodies:
        program += [_instruction(_JUMP_EQUAL, number, 0, len(body)), *body]
    return [*program, _instruction(_RETURN, otherwise)]


def _check(conditions: list[Is], answer: int) -> list[bytes]:
    """Return ``answer`` when all conditions hold, else fall through to what follows."""
    body = [_instruction(_RETURN, answer)]
    for word, value, mask in reversed(conditions):
        body.insert(0, _instruction(_JUMP_EQUAL, value, 0, len(body)))
        if mask != 0xFFFFFFFF:
            body.insert(0, _instruction(_AND, mask))
        body.insert(0, _instruction(_LOAD, _ARGUMENTS + 4 * word))
    return body


def _instruction(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, if_false, operand)
