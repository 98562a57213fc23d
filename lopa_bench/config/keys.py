"""Dotted keys: which a config has, what stands at one, and how its value is typed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def tree(composed: Mapping[str, Any], prefix: str = "") -> list[str]:
    """All dotted keys of composed values, branches included."""
    keys: list[str] = []
    for name, value in composed.items():
        keys.append(f"{prefix}{name}")
        keys += tree(value, f"{prefix}{name}.") if isinstance(value, Mapping) else []
    return keys


def leaves(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All dotted keys with a value that is no section, and their values."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


def lookup(config: Mapping[str, Any], key: str) -> Any:
    """``lookup(config, "method.rank")``; None where the config has no such key."""
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def key_of(word: str) -> str:
    """The key that an override sets, also one with Hydra's ``+``, ``++`` or ``~`` before it."""
    return word.partition("=")[0].lstrip("+~")


def fits(value: Any, wanted: Any) -> bool:
    """Whether a setting's value is the wanted one; of a tuple, one of them."""
    return spell(value) in map(spell, wanted if isinstance(wanted, tuple) else (wanted,))


def spell(value: Any) -> str:
    """A setting's value as it is typed in an override: ``null``, ``true``, ``4`` (for 4.0 too: they are the same number)."""
    if value is None:
        return "null"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, Mapping):  # which is the same in any order
        value = {name: value[name] for name in sorted(value, key=str)}
    return str(value).lower() if isinstance(value, bool) else str(value)
