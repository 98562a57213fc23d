"""Files that are there whole or not at all, whatever kills the process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from lopa_bench.errors import RunFailed


@contextmanager
def writing(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """A temporary file beside `path`, flushed to disk if `durable` and renamed into place once it is written.

    Raises:
        RunFailed: the disk is full, a quota is used up, the folder is read-only. `path` is as it was.
    """
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise RunFailed(f"{path} cannot be written ({error.strerror}); the same command goes on later") from error
        raise


def write_bytes(path: Path, content: bytes, durable: bool = True) -> None:
    """All of a file at once, as `writing` does."""
    with writing(path, durable) as file:
        file.write(content)


def write_text(path: Path, content: str, durable: bool = True) -> None:
    """`write_bytes` in UTF-8."""
    write_bytes(path, content.encode(), durable)


def remove_temporaries(folder: Path, spared: tuple[str, ...] = ()) -> None:
    """Remove what `writing` left where its process was killed. Only for the one process that writes into `folder`.

    Args:
        spared: how the names begin of what other processes may be writing there all the same.
    """
    for path in folder.glob(".*.tmp"):
        if not path.name.startswith(spared):
            path.unlink(missing_ok=True)


def why_not_writable(folder: Path) -> str | None:
    """Why no file can be written below `folder`, which need not be there yet; None where one can. Leaves nothing behind."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    if not there.is_dir():
        return f"{there} is a file" if there.is_file() else f"{there} is not a folder"
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(4096))
    except OSError as error:
        return f"{there} cannot be written ({error.strerror})"
    return None
