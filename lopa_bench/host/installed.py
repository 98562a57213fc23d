"""Whose a file of Python is: lopa-bench's, installed, or somebody's own."""

from __future__ import annotations

import os
import site
import sysconfig
from pathlib import Path

OURS = str(Path(__file__).parents[1]) + os.sep
_PATHS = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
_FOLDERS = tuple(path + os.sep for path in (*_PATHS, site.getusersitepackages()))
_NAMES = {"site-packages", "dist-packages"}


def is_ours(file: str) -> bool:
    return file.startswith(OURS)


def is_installed(file: str | Path) -> bool:
    """Whether a file, or what lies in a folder, was put there by Python or an installer, `pip install --target` too."""
    path = Path(file)
    if not _NAMES.isdisjoint(path.parts) or f"{path}{os.sep}".startswith(_FOLDERS):
        return True
    beside = [path] if path.is_dir() else [path.parent, path.parent.parent]
    return any(any(folder.glob("*.dist-info")) for folder in beside)
