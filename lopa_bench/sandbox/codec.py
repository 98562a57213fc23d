"""How a returned value leaves the program's process: tagged JSON of exact builtin types.

``encode`` runs beside the untrusted program and can be made to say anything; ``decode`` runs in
the trusted process and builds nothing but builtins (and Decimal, Fraction, deque), of no more
parts than the expected value has. What comes out is compared with ``==``, so an object's own
``__eq__`` never decides.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from functools import partial
from json.encoder import encode_basestring
from typing import Any

from .numpy_floats import FORMATS, NumpyFloat

MAX_BYTES = 1 << 20  # of one value
MAX_DEPTH = 60
MAX_ITEMS = 100_000
_MAX_DIGITS = 4300  # of a Decimal or a Fraction: their arithmetic is not linear

_SCALARS: tuple[type[Any], ...] = (bool, int, float, complex, str, bytes, bytearray, Decimal, Fraction)
_SEQUENCES: dict[type[Any], str] = {list: "list", tuple: "tuple", deque: "deque", set: "set", frozenset: "frozenset"}
_BUILD = {"list": list, "tuple": tuple, "deque": deque, "set": set, "frozenset": frozenset}
_EXACT = {*_SCALARS, *_SEQUENCES, dict, range}
_CONSTANTS = {"None": None, "True": True, "False": False, "...": ...}
_MAPPINGS: list[dict[Any, Any]] = [{}, OrderedDict()]
_VIEWS = {type(view) for mapping in _MAPPINGS for view in (mapping.keys(), mapping.items())}
# Their own __eq__ says the same as dict's when the other side is a plain dict.
_DICT_EQUALITY = (dict.__eq__, Counter.__eq__, OrderedDict.__eq__)


class Opaque(Exception):
    """The value is of a type whose equality is its own affair."""


class TooLarge(Exception):
    """The value is deeper, longer or larger than a reply may be."""


class Malformed(ValueError):
    """The bytes are not what ``dump`` writes."""


def dump(value: object, *, exact: bool = False) -> bytes:
    """The reply for one returned value.

    Raises:
        Opaque: no builtin, nor a subclass that inherits its equality. With ``exact``, what would
            not come back as the same type, such as a subclass (but a range does).
        TooLarge: over one of the caps; cyclic values end here too.
    """
    payload = _Encoder(exact).encode(value, 0).encode("utf-8", "surrogatepass")
    if len(payload) > MAX_BYTES:
        raise TooLarge
    return payload


class _Encoder:
    """Writes the JSON itself: a list of lists for ``json`` to write would take twice as long."""

    def __init__(self, exact: bool) -> None:
        self._exact = exact
        self._items = 0

    def encode(self, value: Any, depth: int) -> str:
        self._items += 1
        if self._items > MAX_ITEMS or depth > MAX_DEPTH:
            raise TooLarge
        if value is None or value is ... or value is True or value is False:
            return '["..."]' if value is ... else f'["{value}"]'
        kind = type(value)
        if self._exact and kind not in _EXACT:
            raise Opaque
        for base in _SCALARS:
            if kind is base or (issubclass(kind, base) and kind.__eq__ is base.__eq__):
                parts = ",".join(map(encode_basestring, _scalar_parts(value, base)))
                return f'["{base.__name__}",{parts}]'
        for base, tag in _SEQUENCES.items():
            if kind is base or (issubclass(kind, base) and kind.__eq__ is base.__eq__):
                return f'["{tag}",[{self._all(base.__iter__(value), depth + 1)}]]'
        if issubclass(kind, dict) and kind.__eq__ in _DICT_EQUALITY:
            pairs = [f"[{self._all(pair, depth + 1)}]" for pair in dict.items(value)]
            return f'["dict",[{",".join(pairs)}]]'
        if kind in _VIEWS:  # equal to sets of the same members
            return f'["set",[{self._all(value, depth + 1)}]]'
        if kind is range and self._exact:
            parts = ",".join(f'"{number:x}"' for number in (value.start, value.stop, value.step))
            return f'["range",{parts}]'
        numpy = sys.modules.get("numpy")
        if numpy is not None and isinstance(value, numpy.generic):
            return self._numpy(value, depth)
        raise Opaque

    def _numpy(self, value: Any, depth: int) -> str:
        plain, name = value.item(), type(value).__name__
        if name in FORMATS:
            parts = (plain.real, plain.imag) if isinstance(plain, complex) else (plain,)
            return f'["{name}",{",".join(map(encode_basestring, map(float.hex, parts)))}]'
        if isinstance(plain, type(value)):  # longer than Python's: equal to one of those, or to none
            if name != "longdouble":
                raise Opaque
            plain = float(value)
            if plain != value and value == value:
                plain = int(value)
                if plain != value:
                    raise Opaque
        return self.encode(plain, depth)

    def _all(self, values: Iterable[Any], depth: int) -> str:
        return ",".join([self.encode(value, depth) for value in values])


def _scalar_parts(value: Any, base: type[Any]) -> list[str]:
    """The value as text, read with the builtin's own methods, whatever a subclass overrides."""
    if base is int:  # hexadecimal: linear, and free of the limit on decimal digits
        if int.bit_length(value) > 4 * MAX_BYTES:
            raise TooLarge
        return [int.__format__(value, "x")]
    if base is float:
        return [float.hex(value)]
    if base is complex:
        return [value.real.hex(), value.imag.hex()]
    if base in (Fraction, Decimal):
        texts = [Decimal.__str__(value)] if base is Decimal else [f"{value.numerator:x}", f"{value.denominator:x}"]
        if max(map(len, texts)) > _MAX_DIGITS:
            raise TooLarge
        return texts
    if len(value) > MAX_BYTES:
        raise TooLarge
    return [str.__str__(value) if base is str else base.hex(value)]


def load(payload: bytes) -> list[Any]:
    """Parse the bytes of a reply into nested lists of strings, checking nothing deeper.

    Raises:
        Malformed
    """
    if len(payload) > MAX_BYTES + 1024:
        raise Malformed("over the size of a reply")
    try:
        text = payload.decode("utf-8", "surrogatepass")
        node = json.loads(
            text,
            parse_int=_refuse,
            parse_float=_refuse,
            parse_constant=_refuse,
            object_pairs_hook=_refuse,
        )
    except (ValueError, RecursionError) as error:
        raise Malformed(type(error).__name__) from None
    if not isinstance(node, list):
        raise Malformed("no list")
    return node


def _refuse(_: object) -> None:
    raise Malformed("a bare number or an object")


def count(value: object) -> int:
    """How many nodes a trusted value encodes to."""
    if isinstance(value, dict):
        return 1 + sum(count(key) + count(item) for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset, deque)):
        return 1 + sum(map(count, value))
    return 1


def decode(node: object, max_items: int) -> object:
    """Build the value of a parsed reply.

    Values of different size are never equal, so a reply of more than ``max_items`` nodes need not
    be built. That also bounds the time that a forged set of colliding numbers could cost.

    Raises:
        Malformed: not what ``dump`` writes.
        TooLarge: over ``max_items``, or too deep.
    """
    return _Decoder(max_items).decode(node, 0)


class _Decoder:
    def __init__(self, max_items: int) -> None:
        self._left = max_items

    def decode(self, node: object, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > MAX_DEPTH:
            raise TooLarge
        if not (isinstance(node, list) and node and isinstance(node[0], str)):
            raise Malformed("a value without its type")
        tag, parts = node[0], node[1:]
        if tag in _CONSTANTS and not parts:
            return _CONSTANTS[tag]
        if tag in _READ_SCALAR and all(isinstance(part, str) for part in parts):
            try:
                return _READ_SCALAR[tag](*parts)
            except (ValueError, TypeError, ArithmeticError):
                raise Malformed(f"not a {tag}") from None
        if len(parts) != 1 or not isinstance(parts[0], list):
            raise Malformed(f"unknown type {tag[:20]!r}")
        try:
            if tag in _BUILD:
                return _BUILD[tag]([self.decode(item, depth + 1) for item in parts[0]])
            if tag == "dict":
                return dict(self._pair(pair, depth + 1) for pair in parts[0])
        except (TypeError, ArithmeticError):  # an unhashable member; honest only in a view of a dict's items
            raise Malformed("unhashable") from None
        raise Malformed(f"unknown type {tag[:20]!r}")

    def _pair(self, pair: object, depth: int) -> tuple[Any, Any]:
        if not (isinstance(pair, list) and len(pair) == 2):
            raise Malformed("a dict entry is a pair")
        return self.decode(pair[0], depth), self.decode(pair[1], depth)


def _short(text: str) -> str:
    if len(text) > _MAX_DIGITS:
        raise ValueError("too many digits")
    return text


def _numpy_float(kind: str, *parts: str) -> NumpyFloat:
    return NumpyFloat(kind, *map(float.fromhex, parts))


_READ_SCALAR: dict[str, Callable[..., Any]] = {
    "int": lambda digits: int(digits, 16),
    "range": lambda start, stop, step: range(int(start, 16), int(stop, 16), int(step, 16)),
    "float": float.fromhex,
    **{name: partial(_numpy_float, name) for name in FORMATS},
    "complex": lambda real, imag: complex(float.fromhex(real), float.fromhex(imag)),
    "str": lambda text: text,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "Decimal": lambda text: Decimal(_short(text)),
    "Fraction": lambda top, bottom: Fraction(int(_short(top), 16), int(_short(bottom), 16)),
}
