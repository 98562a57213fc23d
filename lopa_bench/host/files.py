"""A user's files, read with bounds; our own, written so that they are there whole or not at all, whatever kills the process."""

from __future__ import annotations

import contextlib
import csv
import gzip
import hashlib
import json
import os
import secrets
import stat
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.numbers import finite, whole

LARGEST = 1 << 30  # bytes of one file of rows, predictions or settings; weights are mapped, not read here
LARGEST_UNPACKED = 1 << 28  # bytes that a .gz may become: a few kilobytes can hold gigabytes of zeros
_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A user's file, open for reading, at once: a pipe without a writer is refused, not waited for.

    Raises:
        UserError: there is no such file, it may not be read, or it is a folder, a pipe, a device or a socket.
    """
    try:
        # Without O_NONBLOCK, opening a pipe waits for its writer.
        handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | getattr(os, "O_NONBLOCK", 0))
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    try:
        check_regular(path, os.fstat(handle))
    except UserError:
        os.close(handle)
        raise
    with os.fdopen(handle, "rb") as file:
        yield file


def csv_reader(lines: Iterable[str], **form: Any) -> Any:
    """Python's `csv.reader` without its bound on a cell."""
    csv.field_size_limit(LARGEST)  # of a cell; Python's own limit, 128 KiB, is less than some texts have
    return csv.reader(lines, **form)


def check_regular(path: Path, known: os.stat_result) -> None:
    """Raise `UserError` for what is no file with an end."""
    if not stat.S_ISREG(known.st_mode):
        raise UserError(f"{path}: is {_KINDS.get(stat.S_IFMT(known.st_mode), 'something else')}, not a file")


def read_bytes(path: Path, largest: int = LARGEST) -> bytes:
    """The content of a user's file; what ends in ``.gz`` is unpacked, to `LARGEST_UNPACKED` bytes at most.

    Raises:
        UserError: as `opened`; a file of more than `largest` bytes; a damaged .gz.
    """
    with opened(path) as file:
        if path.suffix == ".gz":
            largest = min(largest, LARGEST_UNPACKED)
            try:
                content = gzip.GzipFile(fileobj=file).read(largest + 1)
            except (OSError, EOFError, zlib.error) as error:
                raise UserError(f"{path}: a damaged .gz ({error})") from None
        elif (size := os.fstat(file.fileno()).st_size) > largest:
            raise UserError(f"{path}: {size:,} bytes, more than the {largest:,} that are read")
        else:
            content = _read(path, file, size + 1)  # no buffer of `largest` bytes for a small file
            if len(content) > size:  # some files of /proc have no size and no end
                content += _read(path, file, largest + 1 - len(content))
    if len(content) > largest:
        raise UserError(f"{path}: more than the {largest:,} bytes that are read")
    return content


def _read(path: Path, file: BinaryIO, most: int) -> bytes:
    try:
        return file.read(most)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from None


def sha256(path: Path) -> str:
    """The SHA-256 of a file's content in hexadecimal. Raises `UserError` where no file is to be read."""
    digest = hashlib.sha256()
    with opened(path) as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def parse_json(text: str | bytes, where: str) -> Any:
    """JSON that a user's file holds.

    Raises:
        UserError: no JSON, an object that has a key twice, JSON nested too deeply, or a number too long or too large to be meant;
            `where` begins the message.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_float=finite, parse_int=whole)
    except json.JSONDecodeError as error:
        raise UserError(f"{where}: not JSON ({error})") from None
    except RecursionError:
        raise UserError(f"{where}: JSON that is nested too deeply") from None
    except ValueError as error:  # bytes that are no text, a key twice, a number beyond all bounds
        raise UserError(f"{where}: not JSON ({error})") from None


def half_a_pair(value: Any) -> str | None:
    r"""The first half of a surrogate pair in a JSON value's texts, as its escape (``\ud800``): no tokenizer takes it."""
    if isinstance(value, str):
        found = None if value.isascii() else next((sign for sign in value if "\ud800" <= sign <= "\udfff"), None)
        return None if found is None else f"\\u{ord(found):04x}"
    if isinstance(value, dict | list):
        parts = value.values() if isinstance(value, dict) else value
        return next(filter(None, map(half_a_pair, parts)), None)
    return None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"{name!r} is there twice")
        found[name] = value
    return found


def load_json(path: Path) -> Any:
    """The JSON in a file. Raises `UserError` as `read_bytes` and `parse_json` do."""
    return parse_json(read_bytes(path), str(path))


@contextmanager
def writing(path: Path, durable: bool = True) -> Iterator[BinaryIO]:
    """A temporary file beside `path`, flushed to disk if `durable` and renamed into place once it is written.

    Raises:
        UserError: `path` is a folder, a pipe or a device, which a file would take the place of.
        RunFailed: the disk is full, a quota is used up, the folder is read-only. `path` is as it was.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        if path.exists():
            check_regular(path, path.stat())
        # Of mode 0666 less the umask, as any file; tempfile's are for their owner alone.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        _forget(temporary)
        raise RunFailed(f"{path} cannot be written ({error.strerror}); the same command goes on later") from error
    except BaseException:
        _forget(temporary)
        raise


def _forget(path: Path) -> None:
    with suppress(OSError):  # its folder is gone, or its name was too long to be made
        path.unlink()


def write_bytes(path: Path, content: bytes, durable: bool = True) -> None:
    """Write all of a file at once, as `writing` does."""
    with writing(path, durable) as file:
        file.write(content)


def write_text(path: Path, content: str, durable: bool = True) -> None:
    """Write UTF-8, as `writing` does."""
    write_bytes(path, content.encode(), durable)


def make_folder(folder: Path, key: str = "") -> None:
    """Make a folder that a user named, as `key` where that is given, and those above it. Raises `UserError` where that cannot be."""
    try:
        _make(folder)
    except (OSError, ValueError) as error:
        named = f"{key}: {folder}" if key else folder
        raise UserError(f"{named} cannot be made ({getattr(error, 'strerror', None) or error})") from error


def _make(folder: Path, tries: int = 5) -> None:
    """`Path.mkdir`, which fails where another process removes at that moment what it made itself: a run's folders, once it is refused."""
    for _ in range(tries - 1):
        with contextlib.suppress(FileNotFoundError, FileExistsError):
            folder.mkdir(parents=True, exist_ok=True)
            return
    folder.mkdir(parents=True, exist_ok=True)


def remove_temporaries(folder: Path, spared: tuple[str, ...] = ()) -> None:
    """Remove what `writing` left where its process was killed. Only for the one process that writes into `folder`.

    Args:
        spared: how the names begin of what other processes may be writing there all the same.
    """
    for path in folder.glob(".*.tmp"):
        if not path.name.startswith(spared):
            path.unlink(missing_ok=True)


def existing(path: Path) -> Path:
    """`path`, or what is nearest above it, as far as this user may look."""
    return next(each for each in (path.absolute(), *path.absolute().parents) if os.path.exists(each))


def why_not_writable(folder: Path) -> str | None:
    """Why no file can be written below `folder`, which need not be there yet; None where one can. Leaves nothing behind."""
    there = existing(folder)
    if not there.is_dir():
        return f"{there} is a file" if there.is_file() else f"{there} is not a folder"
    try:
        with tempfile.TemporaryFile(dir=there) as file:
            file.write(bytes(4096))
    except OSError as error:
        return f"{there} cannot be written ({error.strerror})"
    return None


def check_writable(path: Path, key: str) -> None:
    """Raise `UserError` where no file can be written at `path`, the user's `key`, before the work whose outcome would lie there."""
    try:
        if path.exists():
            check_regular(path, path.stat())
    except OSError as error:  # a name that is too long
        raise UserError(f"{key}={path} cannot be written ({error.strerror})") from error
    except UserError as error:
        raise UserError(f"{key}={error}; name a file") from None
    if reason := why_not_writable(path.parent):
        raise UserError(f"{key}={path} cannot be written: {reason}")
