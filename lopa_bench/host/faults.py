"""What nothing foresaw, in one line: the exception, and whose code it was raised in."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import TypeGuard

from lopa_bench.errors import UserError, in_a_line
from lopa_bench.host.installed import is_installed, is_ours


class Unreadable(UserError):
    """A place that may not be looked at: `Path.is_dir` and its like raise there until Python 3.13."""

    def __init__(self, error: PermissionError) -> None:
        super().__init__(f"{error.filename}: {error.strerror}; name a place that you may read and write")
        self.__cause__ = error


def is_unreadable(error: Exception) -> TypeGuard[PermissionError]:
    """Whether an exception is of a file or folder, and not of a process or somebody's own."""
    return isinstance(error, PermissionError) and isinstance(error.filename, str)


class Unforeseen(UserError):
    """An exception that is no `UserError`. Status 2 where it comes from code that is neither lopa-bench's nor installed, or a plugin's."""

    def __init__(self, error: Exception, plugins: Iterable[Path] = ()) -> None:
        folders = tuple(f"{folder}{os.sep}" for folder in plugins)
        frames = reversed(traceback.extract_tb(error.__traceback__))
        at = next(frame for frame in frames if frame.filename.startswith(folders) or _is_told(frame.filename))
        ours = is_ours(at.filename)
        self.exit_status = 1 if ours else 2
        said = in_a_line(error, kind=True)
        way_out = "LOPA_DEBUG=1 shows how it came there"
        if ours:
            way_out = "a fault of lopa-bench: please report it with what LOPA_DEBUG=1 shows"
        super().__init__(f"{said} ({Path(at.filename).name}, line {at.lineno}, in {at.name}); {way_out}")
        self.__cause__ = error


def _is_told(file: str) -> bool:
    """Whether a frame says something: one of ours (the command line's at least), or of neither a library nor text without a file."""
    return is_ours(file) or not (file.startswith("<") or is_installed(file))
