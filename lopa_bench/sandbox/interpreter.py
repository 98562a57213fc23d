"""Which directories a Python program needs to see: the interpreter's own and the C libraries'."""

from __future__ import annotations

import os
import sys

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store")
_DATA = ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")


def readable_paths() -> list[str]:
    """Existing paths, none beneath another. Not among them: home, the checkout, the data sets.

    An editable install puts its checkout on ``sys.path``; that is left out, with the answers that
    may lie there.
    """
    own = [os.path.join(sys.base_prefix, name) for name in ("lib", "lib64")]
    own += [os.path.dirname(os.__file__), *filter(_is_installed, sys.path)]
    found = {os.path.abspath(path) for path in (*own, *_LIBRARIES, *_DATA) if os.path.exists(path)}
    return sorted(path for path in found if not any(_beneath(path, other) for other in found))


def keep_installed_modules_only() -> None:
    """Take everything off ``sys.path`` that programs will not be able to see."""
    sys.path[:] = [path for path in sys.path if _is_installed(path)]


def readable_by_others(paths: list[str], *, through_parents: bool) -> bool:
    """Whether a user without rights of its own could run this interpreter.

    ``through_parents``: it would have to walk there from ``/``, as it does without a mount
    namespace; a private ``/root/.pyenv`` is then out of reach.
    """
    for path in paths:
        if through_parents and not all(os.stat(p).st_mode & 0o001 for p in _parents(path)):
            return False
        needed = 0o005 if os.path.isdir(path) else 0o004
        if os.stat(path).st_mode & needed != needed:
            return False
    return bool(os.stat(os.__file__).st_mode & 0o004)


def _is_installed(path: str) -> bool:
    prefixes = (sys.prefix, sys.base_prefix, "/usr/lib", "/usr/local/lib")
    return os.path.isabs(path) and any(_beneath(path, prefix) for prefix in prefixes)


def _beneath(path: str, other: str) -> bool:
    return path.startswith(other.rstrip("/") + "/")


def _parents(path: str) -> list[str]:
    parents = []
    while path != "/":
        path = os.path.dirname(path)
        parents.append(path)
    return parents
