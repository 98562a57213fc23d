"""Checked claims as JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

from lopa_bench.report.findings import CheckedClaim, CheckedPart, Finding
from lopa_bench.study.commands import commands


def as_json(checked: Sequence[CheckedClaim]) -> str:
    return json.dumps([_claim(claim) for claim in checked], indent=1, ensure_ascii=False) + "\n"


def _claim(checked: CheckedClaim) -> dict[str, Any]:
    return {
        "claim": checked.claim.name,
        "text": checked.claim.text,
        "verdict": checked.verdict,
        "parts": [as_dict(part) for part in checked.parts],
    }


def as_dict(part: CheckedPart) -> dict[str, Any]:
    """A part of a claim as JSON has it."""
    return {
        "text": part.part.text,
        "rule": part.part.rule,
        "verdict": part.verdict,
        "comparisons": [_finding(finding) for finding in part.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    difference = finding.difference
    numbers: dict[str, Any] = {}
    if difference is not None:
        interval = None if math.isnan(difference.low) else [difference.low, difference.high]
        numbers = {
            "effect": difference.effect,
            "interval": interval,
            "p_holm": finding.p_holm,
            "p_examples": difference.p_examples,
            "power": difference.power,
            "seeds": difference.seeds,
            "planned_seeds": finding.look.seeds,
            "tested_seeds": finding.tested or difference.seeds,
            "rows": difference.rows,
            "more_seeds": finding.more_seeds,
            "more_rows": difference.more_rows,
            "chance": finding.chance,
            "asks": finding.asks,
            "asks_anew": finding.asks_anew,
            "chance_anew": finding.chance_anew,
            "to_a_point": finding.to_a_point,
        }
    if finding.first is not None:
        numbers["first"] = _finding(finding.first)
    return {
        "task": finding.comparison.task,
        "verdict": finding.verdict,
        "encoders": list(finding.encoders),
        "detail": "; ".join([finding.detail] if finding.detail else commands(finding.missing)),
        **numbers,
    }
