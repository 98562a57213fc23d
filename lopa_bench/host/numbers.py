"""Numbers of a file's JSON: what Python would read as another number, or not at all, was meant as something else."""

from __future__ import annotations

import math

MOST_DIGITS = 4300  # of a whole number that Python converts, by default


def finite(digits: str) -> float:
    """A number as written. Raises `ValueError` where Python would read infinity."""
    value = float(digits)
    if math.isinf(value):
        raise ValueError(f"{digits} is too large for a number")
    return value


def whole(digits: str) -> int:
    """A whole number as written. Raises `ValueError` where it is longer than any that is meant."""
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits, from {digits[:12]}… on")
    return int(digits)
