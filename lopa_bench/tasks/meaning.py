"""Meaning representations of E2E in the notations that people have them in."""

from __future__ import annotations

import re

Pairs = list[tuple[str, str]]

NOTATIONS = "name[value], … or name : value | … or inform(name=value; …) or name = value, …"

_BRACKETS = re.compile(r"\s*([^\[\],;|]+?)\s*\[([^\[\]]*)\]\s*")  # name[The Eagle]
_ACT = re.compile(r"\s*\w+\s*\((.*)\)\s*", re.DOTALL)  # inform(…)
_NAME = r"[^\W\d][\w -]*?"
# A value reaches up to the next name, so it may hold commas: name : Aromi, the old one | food : Thai. It holds no other separator, which
# would belong to an attribute that is written in another way.
_ASSIGNMENT = re.compile(rf"\s*({_NAME})\s*[:=]\s*((?:(?!\s:|:\s)[^|;=\n])*?)\s*(?:$|[|;,\n](?=\s*{_NAME}\s*[:=]))")


def meaning(text: str) -> Pairs:
    """Attributes and values of ``name[The Eagle], eatType[pub]``, ``name : The Eagle | Type : pub``, ``inform(name=The Eagle;
    eatType=pub)`` or ``name = The Eagle, eatType = pub``.

    Raises:
        ValueError: none of them, or a part of the text belongs to no attribute.
    """
    act = _ACT.fullmatch(text)
    inner = act[1] if act and "[" not in text.split("(")[0] else text
    pairs = _pairs(inner, _BRACKETS, r"[,;|]") if "[" in inner else _pairs(inner, _ASSIGNMENT, "")
    if not pairs or not all(name and value for name, value in pairs):
        raise ValueError(f"{text[:80]!r} is not in a notation that is known: {NOTATIONS}")
    return [(name, _unquoted(value)) for name, value in pairs]


def _pairs(text: str, pair: re.Pattern[str], between: str) -> Pairs | None:
    """All of the text as pairs with `between` between them, or None."""
    found: Pairs = []
    at = 0
    while at < len(text.rstrip()):
        if found and between:
            separator = re.compile(between).match(text, at)
            at = separator.end() if separator else at
        match = pair.match(text, at)
        if not match:
            return None
        found.append((match[1].strip(), match[2].strip()))
        at = match.end()
    return found


def _unquoted(value: str) -> str:
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] and value[0] in "'\"" else value
