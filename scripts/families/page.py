"""docs/models.md and lopa_bench/models/families.json, from what was found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from families.compare import METHODS, Verdict

ROOT = Path(__file__).resolve().parents[2]
PAGE, FACTS = ROOT / "docs/models.md", ROOT / "lopa_bench/models/families.json"

HEAD = """# Models whose numbers are their own

Made by `python scripts/conformance.py` with transformers {version}; it is not edited by hand. Every masked and causal language model of
transformers that can be built small is built with random weights, and under every kind of method its logits are compared with those of
transformers' own forward on the same input: a row alone, rows padded into one batch, and, where it writes, each step of greedy writing, of
sampling and of beam search. ✓ says that all of them are equal but for rounding (a thousandth of the logits' standard deviation).
– says that the combination is refused in one line before anything is trained.

A family that is not here is tried the same way when it is loaded, and refused if its logits differ.

What is tried is a few tokens long. Rows are kept short enough not to change how others are read: with longrope to the tokens of its first
range, since a batch that passes them turns the positions of all its rows otherwise, and in BigBird to what its blocks cover whole.
"""
REFUSED = """
## Refused

{rows}

## Not built small, so not compared here

{absent}
"""


def facts(found: dict[str, dict[str, Any]], version: str) -> str:
    """The JSON that lopa-bench reads without torch."""
    lines = [f'"transformers": "{version}"']
    for kind in ("masked", "causal"):
        rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(each)}" for name, each in sorted(found[kind].items()))
        lines.append(f'"{kind}": {{\n{rows}\n }}')
    lines.append(f'"absent": {json.dumps(found["absent"])}')
    return "{\n " + ",\n ".join(lines) + "\n}\n"


def about(verdict: Verdict, after_padding: bool) -> dict[str, Any]:
    """What is kept of one family."""
    kept: dict[str, Any] = {"right": verdict.right}
    if after_padding:
        kept["after_padding"] = True
    if "all" in verdict.refused:
        kept["refused"] = verdict.refused["all"].split(": ", 1)[1].split("; docs/models.md")[0]
    return kept


def page(known: dict[str, Any]) -> str:
    """The page, from the content of families.json."""
    lines = [HEAD.format(version=known["transformers"])]
    names = list(METHODS)
    for kind in ("masked", "causal"):
        right = {family: each for family, each in known[kind].items() if each.get("right")}
        lines += [f"\n## {kind.capitalize()} language models ({len(right)})\n", f"| family | {' | '.join(names)} |"]
        lines += ["|---|" + ":-:|" * len(names)]
        for family, each in sorted(right.items()):
            lines.append(f"| {family} | {' | '.join('✓' if name in each['right'] else '–' for name in names)} |")
    refused = [
        f"- {family} ({kind}): {each['refused']}"
        for kind in ("masked", "causal")
        for family, each in sorted(known[kind].items())
        if "refused" in each
    ]
    absent = ", ".join(f"{each['family']} ({each['kind']})" for each in known["absent"])
    return "\n".join(lines) + "\n" + REFUSED.format(rows="\n".join(refused), absent=absent)
