"""NumPy's floating-point numbers, equal to Python's numbers as NumPy has it: ``float32(0.1) == 0.1``.

Python's side is rounded to NumPy's format before it is compared (NEP 50, "weak" scalars; NumPy 2). Unlike there, no infinity and no 0
equals what is none.
"""

from __future__ import annotations

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
        try:
            rounded = [_rounded(part, "f" if complex_too else self._format) for part in (other.real, other.imag)]
        except OverflowError:
            return False
        return complex.__eq__(self, complex(*rounded))

    __hash__ = complex.__hash__


def _rounded(number: float, letter: str) -> float:
    """Raises OverflowError for what becomes infinite or 0 only here: one reply would equal all such numbers."""
    value: float = struct.unpack(letter, struct.pack(letter, float(number)))[0]
    if number and not value:
        raise OverflowError
    return value
