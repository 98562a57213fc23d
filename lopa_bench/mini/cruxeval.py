"""mini CRUXEval: short functions, one call each and its true output.

Rows carry the fields of the original's JSON lines (Gu et al., 2024): code, input, output, id.
No two rows have the same code. No skeleton of more than one step (the type of its argument and its operations, without names and
constants) is in two splits; a single step may be, under another variable's name, and two steps that a list and a text can both take.
"""

from __future__ import annotations

from random import Random
from typing import Any

from lopa_bench.mini.partition import rounds
from lopa_bench.mini.python_programs import Program, branch, calls, chain, loop

# Rows a split after each round of drawing: what a later round adds leaves the rows before it.
ROUNDS = {"train": (1600, 1600), "validation": (200, 200), "test": (200, 500)}


def cruxeval(fresh: int = 0) -> dict[str, list[dict[str, Any]]]:
    """Rows per split, the same for every call.

    Args:
        fresh: so many rows of the second test split in place of the first: of a further round, none of whose programs is in the first.
    """
    rng = Random("cruxeval 0")
    splits: dict[str, list[dict[str, Any]]] = {split: [] for split in ROUNDS}
    seen: set[str] = set()
    more = {split: (*sizes, sizes[-1] + fresh * (split == "test")) for split, sizes in ROUNDS.items()}
    for sizes in rounds(more if fresh else ROUNDS):
        while any(len(splits[split]) < size for split, size in sizes.items()):
            program = draw_program(rng)
            rows = splits[program.split()]
            code = program.code()
            if code in seen or len(rows) == sizes[program.split()]:
                continue
            seen.add(code)
            for arguments, output in calls(rng, program, 1) or ():
                rows.append({"code": code, "input": arguments, "output": output})
    numbered = (row for split in ROUNDS for row in splits[split])
    for number, row in enumerate(numbered):
        row["id"] = f"sample_{number}"
    return {**splits, "test": splits["test"][-fresh:]} if fresh else splits


def draw_program(rng: Random) -> Program:
    """Chains of one or two steps; a branch or a loop every fourth time."""
    shape = rng.random()
    if shape < 0.75:
        return chain(rng, steps=1 if shape < 0.4 else 2)
    return branch(rng) if shape < 0.88 else loop(rng)
