"""A JSON object that holds a checksum of the rest of itself, by which an edited one is known."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

CHECKSUM = "checksum"  # the key


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON values with their checksum."""
    return {**values, CHECKSUM: _checksum(values)}


def unaltered(values: Mapping[str, Any]) -> bool | None:
    """Whether these are the values that were sealed; None where there is no checksum to tell by."""
    rest = {key: value for key, value in values.items() if key != CHECKSUM}
    return bool(values[CHECKSUM] == _checksum(rest)) if CHECKSUM in values else None


def _checksum(values: Mapping[str, Any]) -> str:
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()
