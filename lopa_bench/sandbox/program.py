"""The values that go in and come out: programs with their tests, verdicts with their reasons."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

Level = Literal["A", "B", "C", "D"]
StepKind = Literal["expression", "statements", "literal", "call_of_f", "arguments", "call"]


class Reason(StrEnum):
    """Why a program passed or did not: the first test, in order, that decided."""

    PASSED = "passed"
    WRONG_VALUE = "wrong_value"  # a call returned something else
    EXCEPTION = "exception"  # the code or a call raised
    TIMEOUT = "timeout"  # CPU seconds, or the wall clock behind them
    MEMORY = "memory"  # MemoryError, or killed for memory
    EXIT = "exit"  # SystemExit, os._exit or a crash, before all tests had answered
    MALFORMED_REPLY = "malformed_reply"  # bytes on the reply channel that the harness never writes
    SYNTAX = "syntax"  # it does not compile; in CRUXEval also: not a literal, not one call of f, or with
    # arguments that are not plain data
    LIMIT = "limit"  # a returned value too deep (60), too long (100,000 items) or too large (1 MB)
    HARNESS_ERROR = "harness_error"  # our fault, after retries: never to be counted as a failure


@dataclass(frozen=True)
class Test:
    """One step after the code has run.

    Attributes:
        source: what the program's process evaluates. It never holds the expected value, unless
            ``inside``.
        expected: what the trusted process compares the returned value with.
        kind: how ``source`` is to be read (see ``child``). A "call_of_f" is made in two processes:
            one without ``f`` builds the "arguments", the program's makes the "call".
        inside: the test is of a shape that cannot be split, and is decided in the program's
            process, where the program could forge it.
        built: for a "call", what the process that built its arguments has answered.
    """

    __test__ = False  # not one of pytest's

    source: str
    expected: Any = None
    kind: StepKind = "expression"
    inside: bool = False
    built: bytes = b""


@dataclass(frozen=True)
class Program:
    """An untrusted program and how to judge it.

    Attributes:
        id: anything; given back with the verdict.
        code: the untrusted text.
        tests: in order; plain strings (``"assert f(1) == 2"``) are parsed.
        official: the text that the benchmark's own harness would execute beside the answers.
            Where the verdict hangs on something that harness sees otherwise (an object's own
            ``__eq__``, text pasted into an assert), it is run too and the disagreement kept.
        official_names: what that text defines beside the program, which may have meant its own.

    Raises:
        TestError: a test string that is not Python.
    """

    id: Any
    code: str
    tests: tuple[Test, ...] = ()
    official: str | None = None
    official_names: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        from .tests import parse_test

        given: Iterable[Test | str] = self.tests
        if self.official is None and any(isinstance(test, str) for test in given):
            texts = [test for test in given if isinstance(test, str)]
            object.__setattr__(self, "official", "\n".join([self.code, *texts]))
        parsed = tuple(parse_test(test) if isinstance(test, str) else test for test in given)
        object.__setattr__(self, "tests", parsed)

    @property
    def builders(self) -> Program | None:
        """What builds the arguments of its calls of ``f``, in a process without ``f``."""
        steps = [Test(test.source, kind="arguments") for test in self.tests if test.kind == "call_of_f"]
        return Program(self.id, self.code, tuple(steps)) if steps else None

    @property
    def builds_arguments(self) -> bool:
        return any(test.kind == "arguments" for test in self.tests)

    def calling(self, arguments: Sequence[bytes]) -> Program:
        """The same program where each call of ``f`` is made with what its builder answered."""
        built = iter(arguments)
        calls = [
            replace(test, kind="call", built=next(built)) if test.kind == "call_of_f" else test for test in self.tests
        ]
        return replace(self, tests=tuple(calls))


@dataclass(frozen=True)
class Verdict:
    """What became of one program.

    Attributes:
        reason, detail: the reason and one of the harness's own words on it (a builtin exception's
            name, a signal's); never text of the program's.
        cpu_seconds, wall_seconds: of the runs that decided.
        level: the containment it ran under, see docs/sandbox.md.
        inside: some test was decided in the program's own process.
        official_passed: the official harness's verdict where it differs from ``passed``, else None.
    """

    id: Any
    passed: bool
    reason: Reason
    detail: str
    cpu_seconds: float
    wall_seconds: float
    level: Level
    inside: bool = False
    official_passed: bool | None = None
