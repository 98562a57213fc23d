"""Messages between the driver and its zygotes, both trusted: a JSON header and raw bytes.

A program's text and tests travel beside them as the descriptor of an anonymous file, which only
the program's own process reads: a zygote, which every later program is forked from, never has
them in its memory.
"""

from __future__ import annotations

import json
import marshal
import os
import socket
import struct

_LENGTHS = struct.Struct("!II")


def send(connection: socket.socket, header: dict, body: bytes = b"", descriptor: int | None = None) -> None:
    """Raises OSError when the other side is gone."""
    text = json.dumps(header).encode()
    lengths = _LENGTHS.pack(len(text), len(body))
    if descriptor is None:
        connection.sendall(lengths)
    else:
        socket.send_fds(connection, [lengths], [descriptor])
    connection.sendall(text + body)


def receive(connection: socket.socket) -> tuple[dict, bytes, int | None] | None:
    """Wait for one message: header, body and descriptor. None when the other side is gone."""
    try:
        start, descriptors, _, _ = socket.recv_fds(connection, _LENGTHS.size, 1)
        lengths = start + _exactly(connection, _LENGTHS.size - len(start))
        header, body = _LENGTHS.unpack(lengths)
        text, rest = _exactly(connection, header), _exactly(connection, body)
        return json.loads(text), rest, (descriptors[0] if descriptors else None)
    except (EOFError, ConnectionError):
        return None


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = connection.recv(min(size - len(data), 1 << 20))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)


def write_file(content: dict) -> int:
    """An anonymous file holding ``content``; returns its descriptor.

    In ``marshal``'s form: both sides are the same Python and trusted, and reading it touches few
    of the pages that a fork shares with its zygote, which is most of what a program costs.
    """
    descriptor = os.memfd_create("program", os.MFD_CLOEXEC)
    with open(descriptor, "wb", closefd=False) as file:
        marshal.dump(content, file)
    return descriptor


def read_file(descriptor: int) -> dict:
    size = os.fstat(descriptor).st_size
    return marshal.loads(os.pread(descriptor, size, 0))
