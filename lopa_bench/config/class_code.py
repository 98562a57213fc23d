"""The code of a method or a task that is not lopa-bench's own, as a fingerprint: with other code a run is another. Imports no torch.

Our own classes have none: a change of theirs that moves numbers raises `run.identity.PROTOCOL`.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, resolve_name
from pathlib import Path

from lopa_bench.host.faults import INSTALLED


@cache
def fingerprint(cls: type) -> str | None:
    """Of the text of the class's module and of what that imports, anywhere in it, of its own package or of files beside it.

    None for a class of lopa-bench. Bases from other packages count with their own modules. It is kept as it was when first asked for,
    as the class itself is: neither knows of an edit in the same process.
    """
    texts: dict[str, bytes] = {}
    for base in cls.__mro__:
        if hasattr(base, "section") and _package(base.__module__) != "lopa_bench":
            _collect(base.__module__, _package(base.__module__), texts)
    whole = [[name, hashlib.sha256(text).hexdigest()] for name, text in sorted(texts.items())]
    return hashlib.sha256(repr(whole).encode()).hexdigest()[:16] if texts else None


def _collect(module: str, package: str, texts: dict[str, bytes]) -> None:
    """Add the module's text, and those of its own that it imports, by name."""
    spec = None if module in texts else _spec(module)
    if spec is None or not (spec.origin and Path(spec.origin).is_file()):
        return
    texts[module] = Path(spec.origin).read_bytes()
    if spec.origin.endswith(".py"):
        for name in _imports(texts[module], module if spec.submodule_search_locations else spec.parent):
            if _package(name) == package or _beside(package, _package(name)):
                _collect(name, package, texts)


def _imports(text: bytes, within: str | None) -> Iterator[str]:
    """The names that may be modules in a text's import statements, and the packages that they are in."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # it is in no use
        return
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = resolve_name("." * node.level + (node.module or ""), within) if node.level else str(node.module)
            names = [f"{module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _beside(package: str, other: str) -> bool:
    """Whether another package or file lies where this one does, and that is no place of all that is installed."""
    own, its = _folder(package), _folder(other)
    return own is not None and own == its and not str(own).startswith(INSTALLED)


def _folder(package: str) -> Path | None:
    """Where a top-level package or module lies."""
    spec = _spec(package)
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations))).parent
    return Path(spec.origin).parent if spec.has_location and spec.origin else None


def _spec(module: str) -> ModuleSpec | None:
    """None where there is no such module; of a dotted name the packages above are imported."""
    try:
        return find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return None


def _package(module: str) -> str:
    return module.partition(".")[0]
