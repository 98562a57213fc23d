"""Dotted config keys: looked up in nested values, and values as they are typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def lookup(config: Mapping[str, Any], key: str) -> Any:
    """``lookup(config, "method.rank")``; None where the config has no such key."""
    value: Any = config
    for part in key.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


def spell(value: Any) -> str:
    """A setting's value as it is typed in an override: ``null``, ``true``, ``4``."""
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
