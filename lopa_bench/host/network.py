"""Whether the network may be used."""

from __future__ import annotations

import os

SWITCHES = (
    "HF_HUB_OFFLINE",
    "TRANSFORMERS_OFFLINE",
    "HF_DATASETS_OFFLINE",
)  # the hub client's, transformers', datasets'


def switch() -> str | None:
    """The environment variable that forbids the network, or None."""
    return next((name for name in SWITCHES if os.environ.get(name, "").upper() in {"1", "ON", "YES", "TRUE"}), None)


def reason() -> str:
    """Why nothing is downloaded, as the user has said it."""
    name = switch()
    return f"{name}={os.environ[name]}" if name else "offline=true"
