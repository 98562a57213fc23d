"""lopa-bench: reproduce Low-Rank Prompt Adaptation (LOPA, NeurIPS 2024) and go past it.

The Python interface: ``from lopa_bench import run, load_results, SoftPromptClient`` (docs/python.md). Each is imported when asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"
__all__ = ["SoftPromptClient", "load_results", "run"]

if TYPE_CHECKING:
    from lopa_bench.results.frame import load_results
    from lopa_bench.run import of_overrides as run
    from lopa_bench.serving.client import SoftPromptClient

_PLACES = {"load_results": "lopa_bench.results.frame", "SoftPromptClient": "lopa_bench.serving.client"}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:  # `run` is the room of that name, which can be called
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PLACES[name]), name)
