"""From the bytes a program's process left to the reason. Runs in the trusted process.

The bytes may be anything: they are parsed with ``codec`` and compared, never evaluated.
"""

from __future__ import annotations

import builtins
import signal
from dataclasses import dataclass

from . import codec, limits
from .clock import GRACE_S
from .program import Program, Reason, Test


@dataclass(frozen=True)
class Outcome:
    """How one process ended, as its zygote saw it, and what it wrote.

    ``end`` is exit, timeout or flood; ``exit_code`` is negative for a signal.
    """

    end: str
    exit_code: int
    cpu_seconds: float
    wall_seconds: float
    timeout_s: float
    reply: bytes


Ruling = tuple[Reason, str]
_NAMED = {"MemoryError": Reason.MEMORY, "SystemExit": Reason.EXIT}
_REFUSED = {
    "opaque": Reason.WRONG_VALUE,
    "limit": Reason.LIMIT,
    "syntax": Reason.SYNTAX,
    "arguments": Reason.SYNTAX,
    "malformed": Reason.MALFORMED_REPLY,
}


def judge(program: Program, outcome: Outcome) -> Ruling:
    """The reason and its detail, from the first of the code and the tests that did not hold."""
    steps = [Test("", expected=None), *program.tests]  # running the code answers None
    frames, rest = _split(outcome.reply, at_most=1 + len(steps))
    if not frames or frames[0] != b'["ready"]':
        if outcome.end == "timeout":
            return (
                Reason.HARNESS_ERROR,
                f"it could not start within timeout_s={outcome.timeout_s:g}; give more, or fewer workers",
            )
        return Reason.HARNESS_ERROR, f"not contained, so not run (exit {outcome.exit_code})"
    for step, answer in zip(steps, frames[1:], strict=False):
        ruling = _compare(step, answer)
        if ruling[0] is not Reason.PASSED:
            return ruling
    if rest and outcome.end == "exit":
        return Reason.MALFORMED_REPLY, "more than the answers, or an answer cut short"
    if len(frames) - 1 < len(steps) or outcome.end != "exit" or outcome.exit_code != 0:
        return _ended(outcome)
    return Reason.PASSED, ""


def answers(program: Program, outcome: Outcome) -> list[bytes]:
    """What each test of a program that passed has answered, as it came."""
    ready_and_code = 2
    return _split(outcome.reply, ready_and_code + len(program.tests))[0][ready_and_code:]


def _split(reply: bytes, at_most: int) -> tuple[list[bytes], bool]:
    """The first length-prefixed frames, and whether anything follows them."""
    frames: list[bytes] = []
    start = 0
    while len(frames) < at_most and start + 4 <= len(reply):
        end = start + 4 + int.from_bytes(reply[start : start + 4], "big")
        if end > len(reply):
            break
        frames.append(reply[start + 4 : end])
        start = end
    return frames, start < len(reply)


def _compare(step: Test, answer: bytes) -> Ruling:
    try:
        tag, *parts = codec.load(answer)
        if tag == "value" and len(parts) == 1:
            if step.kind == "arguments":  # decoded where they are used, before the program starts
                return Reason.PASSED, ""
            value = codec.decode(parts[0], codec.count(step.expected))
            return (Reason.PASSED if _equal(value, step.expected) else Reason.WRONG_VALUE), ""
    except codec.TooLarge:  # than the expected value
        return Reason.WRONG_VALUE, ""
    except (codec.Malformed, ValueError):
        return Reason.MALFORMED_REPLY, ""
    if tag == "exception" and len(parts) == 1 and _is_exception(parts[0]):
        return _NAMED.get(parts[0], Reason.EXCEPTION), parts[0]
    if isinstance(tag, str) and tag in _REFUSED and not parts:
        return _REFUSED[tag], tag
    return Reason.MALFORMED_REPLY, ""


def _equal(value: object, expected: object) -> bool:
    try:
        return value == expected
    except ArithmeticError:  # a signalling NaN of decimal
        return False


def _is_exception(name: object) -> bool:
    kind = getattr(builtins, name, None) if isinstance(name, str) else None
    return isinstance(kind, type) and issubclass(kind, BaseException)


def _ended(outcome: Outcome) -> Ruling:
    """The process ended, or was ended, before all answers were there."""
    if outcome.end == "timeout":
        starved = outcome.wall_seconds >= outcome.timeout_s + GRACE_S and outcome.cpu_seconds < outcome.timeout_s
        return Reason.TIMEOUT, "the CPU was busy with other work" if starved else ""
    if outcome.end == "flood":
        return Reason.MALFORMED_REPLY, "more than a reply may hold"
    if outcome.exit_code >= 0:
        return Reason.EXIT, f"exit {outcome.exit_code}"
    number = -outcome.exit_code
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    if number == signal.SIGKILL:  # nobody may send it but the kernel: out of time, or of memory
        spent = outcome.cpu_seconds >= limits.cpu_seconds(outcome.timeout_s) - 0.5
        return (Reason.TIMEOUT if spent else Reason.MEMORY), name
    return Reason.EXIT, name
