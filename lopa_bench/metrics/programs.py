"""Which samples of MBPP and CRUXEval pass. Candidate code runs in the sandbox and nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.sandbox import (
    Program,
    Reason,
    SandboxUnavailable,
    TestError,
    Verdict,
    cruxeval_input,
    cruxeval_output,
    mbxp_program,
    run_programs,
)

Mode = Literal["input", "output"]
Samples = Sequence[Sequence[str]]

# Seconds for one program in the official scorers, mxeval and cruxeval.
MBPP_TIMEOUT = 10.0
CRUXEVAL_TIMEOUT = 3.0


def mbpp(
    problems: Sequence[Mapping[str, Any]],
    completions: Samples,
    *,
    timeout_s: float = MBPP_TIMEOUT,
    **options: Any,
) -> list[list[Verdict]]:
    """Run the completions of each problem against its tests.

    Args:
        problems: rows of MBXP (mxeval): ``task_id``, ``prompt``, ``test``, ``entry_point``.
        completions: for each problem what was written after its prompt.
        options: of ``run_programs``.
    """
    programs = [
        _program(mbxp_program, problem["task_id"], problem["prompt"], text, problem["test"], problem["entry_point"])
        for problem, texts in zip(problems, completions, strict=True)
        for text in texts
    ]
    verdicts = _run(programs, timeout_s, options)
    return [[next(verdicts) for _ in texts] for texts in completions]


def cruxeval(
    mode: Mode,
    problems: Sequence[Mapping[str, Any]],
    generations: Samples,
    *,
    timeout_s: float = CRUXEVAL_TIMEOUT,
    **options: Any,
) -> list[list[Verdict | None]]:
    """Check generated inputs or outputs: one verdict each, or None for those that do not count.

    The official scorer skips inputs without ``f(`` and outputs that repeat the call they are
    asked for, unless nothing else of the problem passes: then every generation has failed.

    Args:
        mode: what was generated, the ``input`` (a call of f) or the ``output``.
        problems: rows of CRUXEval: ``id``, ``code``, ``input``, ``output``.
    """
    build = {"input": cruxeval_input, "output": cruxeval_output}[mode]
    programs = [
        _program(build, problem["id"], problem["code"], problem["output"], text)
        for problem, texts in zip(problems, generations, strict=True)
        for text in texts
        if not _skipped(mode, problem, text)
    ]
    verdicts = _run(programs, timeout_s, options)
    return [
        [None if _skipped(mode, problem, text) else next(verdicts) for text in texts]
        for problem, texts in zip(problems, generations, strict=True)
    ]


def passed(verdicts: Sequence[Verdict | None], *, official: bool = False) -> list[bool | None]:
    """What counts for pass@k of one problem; None for a sample that does not.

    Args:
        official: take the verdict of the benchmark's own harness where it differs. That harness
            also passes programs that cheat.
    """
    counted = [None if verdict is None else _passed(verdict, official) for verdict in verdicts]
    return counted if any(counted) else [False for _ in verdicts]


def _passed(verdict: Verdict, official: bool) -> bool:
    theirs = verdict.official_passed if official else None
    return verdict.passed if theirs is None else theirs


def _skipped(mode: Mode, problem: Mapping[str, Any], text: str) -> bool:
    return "f(" not in text if mode == "input" else f"f({problem['input']})" in text


def _program(build: Callable[..., Program], id: str, *texts: str) -> Program:
    """Raises UserError for tests that are none, naming the problem."""
    try:
        return build(id, *texts)
    except TestError as error:
        raise UserError(f"{id}: {error}") from None


def _run(programs: Sequence[Program], timeout_s: float, options: Mapping[str, Any]) -> Iterator[Verdict]:
    try:
        verdicts = run_programs(programs, timeout_s=timeout_s, **options)
    except (SandboxUnavailable, ValueError) as error:
        raise UserError(str(error)) from None
    for verdict in verdicts:
        if verdict.reason is Reason.HARNESS_ERROR:
            raise RunFailed(
                f"{verdict.id}: the sandbox gave no verdict: {verdict.detail}; nothing is scored, ask again"
            )
        yield verdict
