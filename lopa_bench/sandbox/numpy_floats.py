"""NumPy's floating-point numbers, equal to Python's numbers as NumPy has it: ``float32(0.1) == 0.1``.

Python's side is rounded to NumPy's format before it is compared (NEP 50, "weak" scalars; NumPy 2).
"""

from __future__ import annotations

import math
import struct

FORMATS = {
    "float16": "e",
    "float32": "f",
    "float64": "d",
    "complex64": "f",
    "complex128": "d",
}  # of ``struct``, for each part


class NumpyFloat(complex):
    """A number of the type that NumPy calls ``kind``, from its parts."""

    _format: str

    def __new__(cls, kind: str, *parts: float) -> NumpyFloat:
        made = super().__new__(cls, *parts)
        made._format = FORMATS[kind]
        return made

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (int, float, complex)) or isinstance(other, NumpyFloat):
            return complex.__eq__(self, other)
        complex_too = isinstance(other, complex) and self._format == "e"  # of which there is no complex type
        rounded = (_rounded(float(part), "f" if complex_too else self._format) for part in (other.real, other.imag))
        return complex.__eq__(self, complex(*rounded))

    __hash__ = complex.__hash__


def _rounded(number: float, letter: str) -> float:
    try:
        value: float = struct.unpack(letter, struct.pack(letter, number))[0]
        return value
    except OverflowError:
        return math.copysign(math.inf, number)
