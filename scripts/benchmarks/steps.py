"""One training step: of 16 rows and of 128, which tells what training several prompts in one pass would bring; compiled and not."""

from __future__ import annotations

import statistics
from typing import Any

from contest.flops import rate_in_precision_of
from contest.loops import Loop, Rows
from contest.measure import ROUNDS, Limit, comparison, in_turn, machine
from contest.workload import size_here, workload

FEW, MANY, BATCHES = 16, 128, 8
PRECISIONS = ("fp32", "auto")


def comparisons(tiny: bool = False) -> list[dict[str, Any]]:
    """LOPA's and full fine-tuning's steps on RTE; `auto` is bf16 where the hardware multiplies it."""
    few, many, batches = (2, 8, 1) if tiny else (FEW, MANY, BATCHES)
    with workload(size_here(tiny)) as work:
        rows = Rows.of(work.config("rte", "none"))
        orders = {size: rows.sample(rows.bucketed(size), batches) for size in (few, many)}

        def loop(method: str, precision: str, size: int, *overrides: str) -> Loop:
            return Loop(work.config("rte", method, f"precision={precision}", *overrides), rows, orders[size])

        loops = {(how, size): loop("lopa", how, size) for how in PRECISIONS for size in (few, many)}
        compiled = {} if tiny else {m: loop(m, "auto", few, "train.compile=true") for m in ("lopa", "fft")}
        plain = {"lopa": loops["auto", few]} | ({} if tiny else {"fft": loop("fft", "auto", few)})
        contestants = {
            **{f"{how} {size}": each for (how, size), each in loops.items()},
            **{f"compiled {method}": each for method, each in compiled.items()},
            **{f"plain {method}": each for method, each in plain.items()},
        }
        rates = in_turn(contestants, rounds=1 if tiny else ROUNDS)
        most = {name: rate_in_precision_of(each.model.backbone) / each.flops() for name, each in contestants.items()}
    ran = {**machine(), "shape": work.shape, "texts": work.texts, "batches": batches}

    def against(ours: str, work_name: str, theirs: str, name: str) -> dict[str, Any]:
        limit = Limit(most[ours] / statistics.median(rates[theirs]), "its FLOPs at the rate of a large product")
        return comparison(work_name, rates[ours], name, rates[theirs], 1.0, "examples/s", ran, limit)

    wide = [
        against(f"{how} {many}", f"LOPA on RTE, {how}, {many} rows a step", f"{how} {few}", f"{few} rows a step")
        for how in PRECISIONS
    ]
    fused = [
        against(f"compiled {method}", f"{method} on RTE, auto, train.compile", f"plain {method}", "not compiled")
        for method in compiled
    ]
    return wide + fused
