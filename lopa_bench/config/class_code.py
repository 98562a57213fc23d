"""The code of a method or a task that is not lopa-bench's own, as a fingerprint: with other code a run is another.

Our own classes have none: a change of theirs that moves numbers raises `run.identity.PROTOCOL`. Nothing is imported or run for it.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec, resolve_name
from pathlib import Path

from lopa_bench.config.files import plugins
from lopa_bench.errors import UserError
from lopa_bench.host.installed import is_installed

PACKAGE = "lopa_bench"


@cache
def fingerprint(cls: type) -> str | None:
    """Of the text of the class's module, of the packages that it is in, and of what these import, anywhere in them, of its own.

    Its own is its package and, of a class that is no plugin's, what lies beside that. Bases count with their own modules, those of
    libraries aside. None for a class of lopa-bench. It is kept as it was when first asked for, as the class itself is: neither knows of
    an edit in the same process.

    Raises:
        UserError: a class whose code is in no file.
    """
    if _package(cls.__module__) == PACKAGE:
        return None
    texts: dict[str, bytes] = {}
    for base in cls.__mro__:
        if _package(base.__module__) != PACKAGE and (hasattr(base, "section") or _folder(_package(base.__module__))):
            _collect(base.__module__, _package(base.__module__), texts)
    if not texts:
        raise UserError(
            f"{cls.__module__}.{cls.__qualname__}: its code is in no file, by which its runs are told apart; put it into one"
        )
    hashes = sorted(
        hashlib.sha256(text).hexdigest() for text in texts.values()
    )  # of texts alone: a module may be renamed
    return hashlib.sha256(" ".join(hashes).encode()).hexdigest()[:16]


def _collect(module: str, package: str, texts: dict[str, bytes]) -> None:
    """Add the texts, by name, of a module, of the packages that it is in, and of those of its own that they import."""
    parts = module.split(".")
    for name in (".".join(parts[:end]) for end in range(1, len(parts) + 1)):
        spec = None if name in texts else _spec(name)
        read = getattr(spec.loader, "get_data", None) if spec is not None and spec.has_location else None
        if spec is None or read is None:
            continue
        texts[name] = read(spec.origin)
        if str(spec.origin).endswith(".py"):
            for other in _imports(texts[name], name if spec.submodule_search_locations else spec.parent):
                if _package(other) == package or _is_beside(package, _package(other)):
                    _collect(other, package, texts)


def _imports(text: bytes, within: str | None) -> Iterator[str]:
    """The names in a text's import statements, each of which may be a module's."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):  # it is in no use
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            try:
                module = resolve_name("." * node.level + (node.module or ""), within) if node.level else node.module
            except ImportError:  # beyond the top: a module that is also used outside of its package
                continue
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _is_beside(package: str, other: str) -> bool:
    """Whether another package or file lies where this one does, in a folder of somebody's own; a plugin is installed without it."""
    folder = None if package in plugins() or other == PACKAGE else _folder(package)
    return folder is not None and folder == _folder(other)


def _folder(package: str) -> Path | None:
    """Where a top-level package or module of somebody's own lies; None where it is installed or comes with Python."""
    spec = _spec(package)
    if spec is None:
        return None
    where = next(iter(spec.submodule_search_locations or ()), spec.origin if spec.has_location else None)
    return None if where is None or is_installed(Path(where).parent) else Path(where).parent


def _spec(module: str) -> ModuleSpec | None:
    """Where a module is; None where there is none. Unlike `find_spec` it imports none of the packages above."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)
        for end in range(len(rest)):
            if spec is None or spec.submodule_search_locations is None:
                return None
            name = ".".join([top, *rest[: end + 1]])
            spec = PathFinder.find_spec(name, list(spec.submodule_search_locations))
    except (ImportError, ValueError):
        return None
    return spec


def _package(module: str) -> str:
    return module.partition(".")[0]
