"""``python -m lopa_bench.sandbox``: judge programs from a file, or show the containment."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from . import limits
from .driver import run_programs
from .levels import DESCRIPTIONS, SandboxUnavailable, require
from .program import Program, Verdict
from .tests import cruxeval_input, cruxeval_output

_BAD_INPUT, _INTERRUPTED = 2, 130  # exit statuses
_Error = tuple[int, dict[str, Any]]  # line number and the row to print for it

_LINES = """\
Each line is an object:
  {"id": 1, "code": "def f(x): ...", "tests": ["assert f(1) == 2", ...]}
  {"id": 2, "mode": "cruxeval_input" | "cruxeval_output",
   "code": ..., "input": ..., "output": ..., "generation": ...}
One verdict line comes out for each, in the same order. A line that cannot be read gives
{"id", "line", "error"} in its place; the exit status is then 2.
"""


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        limits.check(options.timeout, options.workers)
    except ValueError as error:
        parser.error(str(error))
    try:
        if options.self_test:
            return _self_test()
        require(allow_unsafe=options.allow_unsafe)  # before anything is read
        return _judge_file(options)
    except KeyboardInterrupt:
        print("sandbox: interrupted", file=sys.stderr)
        return _INTERRUPTED
    except BrokenPipeError:  # whoever reads the verdicts has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # lest Python stumble over it at its end
        return 0
    except (SandboxUnavailable, OSError) as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return _BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m lopa_bench.sandbox",
        description="Run untrusted programs and print their verdicts.",
        epilog=_LINES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("file", nargs="?", metavar="FILE.jsonl", help="programs; - for stdin")
    what.add_argument("--self-test", action="store_true", help="print the level and each canary")
    parser.add_argument("--timeout", type=float, default=3.0, metavar="SECONDS")
    parser.add_argument("--workers", type=int, help="default: one per core")
    parser.add_argument("--allow-unsafe", action="store_true", help="accept level D")
    return parser


def _self_test() -> int:
    found = require(allow_unsafe=True)
    print(f"level {found.level}: {DESCRIPTIONS[found.level]}")
    print(f"wall: {found.containment.wall}")
    for mechanism, failure in found.canaries.items():
        print(f"{mechanism}: {failure or 'held'}")
    return 0


def _judge_file(options: argparse.Namespace) -> int:
    errors: deque[_Error] = deque()
    status = 0
    with open(0 if options.file == "-" else options.file, "rb") as lines:
        verdicts = run_programs(
            _programs(lines, errors),
            timeout_s=options.timeout,
            workers=options.workers,
            allow_unsafe=options.allow_unsafe,
        )
        for verdict in chain(verdicts, [None]):
            # A program's id is its line number and its own id; the errors before it are known.
            while errors and (verdict is None or errors[0][0] < verdict.id[0]):
                _, row = errors.popleft()
                print(json.dumps(row), flush=True)
                print(f"sandbox: {row['error']}", file=sys.stderr)
                status = _BAD_INPUT
            if verdict is not None:
                print(json.dumps(_row(verdict)), flush=True)
    return status


def _programs(lines: Iterable[bytes], errors: deque[_Error]) -> Iterator[Program]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        record: Any = None
        try:
            record = json.loads(line)
            yield _program(number, record)
        except (ValueError, RecursionError) as error:
            text = " ".join(str(error).split()) or type(error).__name__
            identity = record.get("id") if isinstance(record, dict) else None
            error_row = {"id": identity, "line": number, "error": f"line {number}: {text}"}
            errors.append((number, error_row))


def _program(number: int, record: Any) -> Program:
    """Raises ValueError, in words for the user, when the record describes no program."""
    if not isinstance(record, dict):
        raise ValueError(f"an object was expected, not {type(record).__name__}")
    mode = record.get("mode")
    if mode not in (None, *_CRUXEVAL):
        raise ValueError(f"mode {mode!r} is unknown; known: {', '.join(_CRUXEVAL)}")
    texts = ("code", "input", "output", "generation") if mode else ("code",)
    for key in ("id", *texts):
        if key not in record:
            raise ValueError(f"key {key!r} is missing")
    for key in texts:
        if not isinstance(record[key], str):
            raise ValueError(f"{key!r} must be a string")
    identity = (number, record["id"])
    if mode:
        return _CRUXEVAL[mode](identity, record["code"], record["output"], record["generation"])
    tests = record.get("tests")
    if not (isinstance(tests, list) and tests and all(isinstance(test, str) for test in tests)):
        raise ValueError("'tests' must be a list of one or more strings")
    return Program(identity, record["code"], tuple(tests))


_CRUXEVAL = {"cruxeval_input": cruxeval_input, "cruxeval_output": cruxeval_output}


def _row(verdict: Verdict) -> dict[str, Any]:
    """The verdict as a JSON object; keys that say nothing are left out."""
    row = {
        "id": verdict.id[1],
        "passed": verdict.passed,
        "reason": verdict.reason.value,
        "detail": verdict.detail,
        "cpu_seconds": round(verdict.cpu_seconds, 4),
        "wall_seconds": round(verdict.wall_seconds, 4),
        "level": verdict.level,
    }
    if verdict.inside:
        row["inside"] = True
    if verdict.official_passed is not None:
        row["official_passed"] = verdict.official_passed
    return row


if __name__ == "__main__":
    sys.exit(main())
