"""What a result was made with: the versions of the packages and the state of the checkout."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import lopa_bench

_VERSIONED = ("torch", "transformers", "tokenizers", "peft", "datasets", "numpy")


@cache
def versions() -> dict[str, str]:
    """Python's and the packages' versions that a number may depend on."""
    found = {"python": platform.python_version(), "lopa-bench": lopa_bench.__version__}
    for name in _VERSIONED:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "source"
    return found


@cache
def git_state() -> dict[str, Any]:
    """Commit of the checkout the package runs from and whether files differ from it; empty outside a checkout."""

    def git(*args: str) -> str:
        folder = Path(__file__).parent
        return subprocess.run(
            ["git", *args], cwd=folder, capture_output=True, text=True, check=True, timeout=5
        ).stdout.strip()

    try:
        return {
            "commit": git("rev-parse", "HEAD"),
            "modified": bool(git("status", "--porcelain", "--untracked-files=no", "--", ".")),
        }
    except (OSError, subprocess.SubprocessError):
        return {}
