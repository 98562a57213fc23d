"""What a Python program needs to see: the interpreter's own directories and the C libraries'."""

from __future__ import annotations

import glob
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store")
_DATA = ("/etc/ld.so.cache", "/etc/localtime", "/usr/share/zoneinfo")
_PACKAGES = ("site-packages", "dist-packages")
# What an installer may call this package and what comes with it: answers are in there.
_OURS = re.compile(r"lopa[-_.]?bench", re.IGNORECASE)


class View(NamedTuple):
    """What a program may read.

    Attributes:
        paths: directories and files, none beneath another. Not among them: home, the checkout,
            the data sets.
        hidden: what lies beneath them and may not be read: this package, wherever it is installed.
        whole, listed: the same for a mechanism that cannot take away again: ``whole`` may be read
            with all that is beneath, ``listed`` are the directories around ``hidden``.
    """

    paths: tuple[str, ...]
    hidden: tuple[str, ...]
    whole: tuple[str, ...]
    listed: tuple[str, ...]


def view() -> View:
    """Found anew in each process: it depends on ``sys.path``."""
    paths = _readable_paths()
    hidden = tuple(_aliases(paths, _ours(paths)))
    parts = [part for path in paths for part in _without(path, hidden)]
    whole = tuple(path for path, all_of_it in parts if all_of_it)
    return View(paths, hidden, whole, tuple(path for path, all_of_it in parts if not all_of_it))


def keep_installed_modules_only() -> None:
    """Take everything off ``sys.path`` that programs will not be able to see."""
    sys.path[:] = [path for path in sys.path if _is_installed(path)]


def readable_by_others(paths: Iterable[str], *, through_parents: bool) -> bool:
    """Whether a user without rights of its own could run this interpreter.

    ``through_parents``: it would have to walk there from ``/``, as it does without a mount
    namespace; a private ``/root/.pyenv`` is then out of reach.
    """
    for path in paths:
        if through_parents and not all(os.stat(p).st_mode & 0o001 for p in parents(path)):
            return False
        needed = 0o005 if os.path.isdir(path) else 0o004
        if os.stat(path).st_mode & needed != needed:
            return False
    return bool(os.stat(os.__file__).st_mode & 0o004)


def beneath(path: str, other: str) -> bool:
    return path.startswith(other.rstrip("/") + "/")


def _readable_paths() -> tuple[str, ...]:
    """An editable install puts its checkout on ``sys.path``: that is left out."""
    own = [os.path.join(sys.base_prefix, name) for name in ("lib", "lib64")]
    own += [os.path.dirname(os.__file__), *filter(_is_installed, sys.path)]
    found = {os.path.abspath(path) for path in (*own, *_LIBRARIES, *_DATA) if os.path.exists(path)}
    return tuple(sorted(path for path in found if not any(beneath(path, other) for other in found)))


def _is_installed(path: str) -> bool:
    """Whether an entry of ``sys.path`` is the standard library's or a directory of installed packages.

    Not one that an installer made beneath the prefix for a checkout, nor an archive.
    """
    prefixes = (sys.prefix, sys.base_prefix, "/usr/lib", "/usr/local/lib")
    if not any(beneath(path, prefix) for prefix in prefixes):
        return False
    standard = os.path.dirname(os.__file__)
    if path == standard or os.path.basename(path) == f"python{sys.version_info[0]}{sys.version_info[1]}.zip":
        return True
    return os.path.isdir(path) and (beneath(path, standard) or any(name in path.split("/") for name in _PACKAGES))


def _ours(paths: Iterable[str]) -> set[str]:
    """Real paths of this package, its metadata and archives in every directory of packages, and
    of archives on ``sys.path``, which may hold it under any name.
    """
    directories = {path for path in sys.path if os.path.isdir(path)}
    for path in paths:
        for name in _PACKAGES:
            directories |= {*glob.glob(f"{glob.escape(path)}/python*/{name}"), os.path.join(path, name)}
    found = {path for path in sys.path if os.path.isfile(path) and not _is_installed(path)}
    for directory in filter(os.path.isdir, directories):
        found |= {entry.path for entry in os.scandir(directory) if _OURS.search(entry.name)}
    return {os.path.realpath(path) for path in found}


def _aliases(paths: Iterable[str], real: set[str]) -> Iterator[str]:
    """The names that real paths have beneath ``paths``, one for each symbolic link that leads there."""
    for path in paths:
        target = os.path.realpath(path)
        yield from sorted(path + other[len(target) :] for other in real if beneath(other, target))


def _without(path: str, hidden: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
    """``path``, or the parts of it around ``hidden``, each with whether all beneath it is meant."""
    if path in hidden:
        return
    whole = not any(beneath(other, path) for other in hidden)
    yield path, whole
    if not whole:
        for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
            if not entry.is_symlink():  # what it leads to is, or is not, on the list by itself
                yield from _without(entry.path, hidden)


def parents(path: str) -> list[str]:
    found = []
    while path != "/":
        path = os.path.dirname(path)
        found.append(path)
    return found
