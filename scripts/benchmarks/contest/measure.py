"""What every benchmark does: measure contestants in turn, and say what was compared with what, on which machine."""

from __future__ import annotations

import dataclasses
import os
import platform
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

ROUNDS = 3
REACH = 0.9  # of the limit is the goal where the limit forbids more

Rates = dict[str, list[float]]


@dataclasses.dataclass(frozen=True)
class Limit:
    """The ratio there would be if all but what sets it cost nothing, to both."""

    ratio: float
    by: str


SAME_WORK = Limit(1.0, "the same work")


def in_turn(contestants: Mapping[str, Callable[[], float]], rounds: int = ROUNDS) -> Rates:
    """Every contestant's rate (more is better), `rounds` times.

    One round goes through all of them, every other round backwards, so that a machine that slows down or speeds up favours none.
    """
    rates: Rates = {name: [] for name in contestants}
    for number in range(rounds):
        names = list(contestants)[:: 1 if number % 2 == 0 else -1]
        for name in names:
            rates[name].append(contestants[name]())
    return rates


def comparison(
    work: str,
    ours: list[float],
    against: str,
    theirs: list[float],
    goal: float,
    unit: str,
    ran: Mapping[str, Any],
    limit: Limit,
) -> dict[str, Any]:
    """One object of results/benchmarks: the median over rounds of our rate over theirs, and the least and greatest."""
    ratios = [our / their for our, their in zip(ours, theirs, strict=True)]
    return {
        "work": work,
        "against": against,
        "ratio": statistics.median(ratios),
        "spread": [min(ratios), max(ratios)],
        "goal": goal if goal <= limit.ratio else REACH * limit.ratio,
        "limit": limit.ratio,
        "limited_by": limit.by,
        "ran": {**ran, "unit": unit, "ours": ours, "theirs": theirs},
    }


def machine() -> dict[str, Any]:
    """What a measurement depends on beside the code."""
    import peft
    import torch
    import transformers

    gpu = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if gpu else processor(),
        "threads": torch.get_num_threads(),
        "cores": len(os.sched_getaffinity(0)),
        "load": os.getloadavg()[0],
        "python": platform.python_version(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "peft": peft.__version__,
    }


def processor() -> str:
    """The CPU's name, with the instruction that decides how fast bf16 is."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    known = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
    native = [name for name in ("amx_bf16", "avx512_bf16") if name in known.get("flags", "").split()]
    return ", ".join([known.get("model name", platform.machine()), *native])
