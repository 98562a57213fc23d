"""mini MBPP: a signature, a docstring with three examples, and the three asserts behind them.

Rows carry the fields of the MBXP release of MBPP (Athiwaratkun et al., 2023), prompts its layout.
A problem is a chain of two or three steps of the program grammar; no chain over one type is in two splits. The function's name
tells the steps as the pretraining text does, the description in words of the task's own (and it alone has the numbers and
letters): where it used the pretraining text's words too, the untouched model solved 94 of 100.
"""

from __future__ import annotations

from random import Random
from typing import Any

from lopa_bench.mini.partition import rounds
from lopa_bench.mini.python_programs import Program, calls, chain, listed

# Rows a split after each round of drawing: what a later round adds leaves the rows before it.
ROUNDS = {"train": (1000, 1000), "validation": (200, 200), "test": (200, 500)}


def mbpp(seed: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Rows per split, the same for every call with the same seed."""
    rng = Random(f"mbpp {seed}")
    splits: dict[str, list[dict[str, Any]]] = {split: [] for split in ROUNDS}
    seen: set[str] = set()
    for sizes in rounds(ROUNDS):
        while any(len(splits[split]) < size for split, size in sizes.items()):
            program = chain(rng, steps=rng.choice((2, 2, 3)))
            rows = splits[program.split()]
            if program.body in seen or len(rows) == sizes[program.split()]:
                continue
            seen.add(program.body)
            examples = calls(rng, program, 3)
            if examples:
                rows.append(_row(program, examples))
    numbered = (row for split in ROUNDS for row in splits[split])
    for number, row in enumerate(numbered, start=1):
        row["task_id"] = f"MBPP/{number}"
    return splits


def _row(program: Program, examples: list[tuple[str, str]]) -> dict[str, Any]:
    name = "_".join(program.slugs)
    description = f"Write a function to {listed(program.asked)}."
    signature, body = program.code(name).split("\n", 1)
    doctests = [line for given, output in examples for line in (f">>> {name}({given})", output)]
    docstring = "\n".join(f"    {line}" for line in ('"""', description, *doctests, '"""'))
    asserts = "\n".join(f"    assert candidate({given}) == {output}" for given, output in examples)
    return {
        "task_id": "",
        "language": "python",
        "prompt": f"\n\n{signature}\n{docstring}\n",
        "description": description,
        "test": f"\n\nMETADATA = {{}}\n\n\ndef check(candidate):\n{asserts}\n\n",
        "entry_point": name,
        "canonical_solution": body,
    }
