"""``lopa-bench params``: every parameter count of the paper beside the modules' own, without weights."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from lopa_bench.cli import words
from lopa_bench.cli.options import option
from lopa_bench.host.terminal import add_row, say, show, table
from lopa_bench.study.counts import Count, counts

SUMMARY = "the paper's parameter counts beside ours, without any weights"
EXAMPLE = "lopa-bench params --json"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    json: bool = option("one list of objects for machines", False)


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """0 if every count agrees with its printed digits, else 1."""
    options = words.read(Options, argv, "params")
    found = list(counts())
    different = [count for count in found if count.equal is False]
    if options.json:
        say(json.dumps([{**dataclasses.asdict(c), "equal": c.equal} for c in found], indent=1))
    else:
        _print(found)
        say("official: what gets gradients in the authors' released code")
        compared = sum(c.equal is not None for c in found)
        say(f"{compared - len(different)} of {compared} printed counts equal ours to their last digit")
    return 1 if different else 0


def _print(found: list[Count]) -> None:
    texts = ("model", "instance encoder", "method", "setting")
    numbers = ("paper prints", "ours", "official", "equal")
    lines = table(*texts, *numbers, left=len(texts), box=None)
    for c in found:
        verdict = {True: "yes", False: "NO", None: "–"}[c.equal]
        names = (c.model, c.encoder or "–", c.method, c.setting or "–")
        add_row(lines, (*names, c.printed or "–", f"{c.paper:,}", f"{c.official:,}", verdict))
    show(lines, width=160)
