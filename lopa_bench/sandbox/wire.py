"""Messages between the driver and its zygotes, both trusted: a length and that many bytes.

A program's text and tests travel beside them in an anonymous file that the two share, which only
the program's own process reads: a zygote, which every later program is forked from, never has
them in its memory.
"""

from __future__ import annotations

import marshal
import os
import struct
from typing import Any

_LENGTH = struct.Struct("!I")

# What is asked of a zygote: seconds for the program, and the size of its text. No text: the canaries.
REQUEST = struct.Struct("!dI")
# What became of a program, before the bytes of its reply: which of ENDS, exit code, CPU seconds,
# wall seconds.
OUTCOME = struct.Struct("!Bidd")
ENDS = ("exit", "timeout", "flood")


def send(connection: int, *parts: bytes | memoryview) -> None:
    """One message made of ``parts``, of which no copy is left behind in this process.

    Raises OSError when the other side is gone.
    """
    left = [_LENGTH.pack(sum(map(len, parts))), *parts]
    while left:
        sent = os.writev(connection, left)
        while left and sent >= len(left[0]):
            sent -= len(left.pop(0))
        if left:
            left[0] = left[0][sent:]


def receive(connection: int, at_most: int = 1 << 20) -> bytes | None:
    """Wait for one message and read no byte of the next; None when the other side is gone or raves.

    Two may lie there at once: a request is queued before its zygote says that it is ready.
    """
    try:
        size: int = _LENGTH.unpack(_read(connection, _LENGTH.size))[0]
        return _read(connection, size) if size <= at_most else None
    except (EOFError, ConnectionError):
        return None


def _read(connection: int, size: int) -> bytes:
    """Exactly ``size`` bytes. Raises EOFError when the connection ends before."""
    data = b""
    while len(data) < size:
        chunk = os.read(connection, min(size - len(data), 1 << 20))
        if not chunk:
            raise EOFError
        data += chunk
    return data


def shared_file() -> int:
    """An anonymous file for one program after the other; returns its descriptor."""
    return os.memfd_create("program", os.MFD_CLOEXEC)


def write_file(descriptor: int, content: dict[str, Any]) -> int:
    """Put ``content`` in place of what the file held; returns its size.

    In ``marshal``'s form: both sides are the same Python and trusted, and reading it touches few
    of the pages that a fork shares with its zygote, which is most of what a program costs.
    """
    data = marshal.dumps(content)
    os.ftruncate(descriptor, len(data))
    return os.pwrite(descriptor, data, 0)


def read_file(descriptor: int, size: int) -> dict[str, Any]:
    content: dict[str, Any] = marshal.loads(os.pread(descriptor, size, 0))
    return content
