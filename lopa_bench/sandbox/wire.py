"""Messages between the driver and its zygotes, both trusted: a JSON header and raw bytes."""

from __future__ import annotations

import json
import socket
import struct

_LENGTHS = struct.Struct("!II")


def send(connection: socket.socket, header: dict, body: bytes = b"") -> None:
    """Raises OSError when the other side is gone."""
    text = json.dumps(header).encode()
    connection.sendall(_LENGTHS.pack(len(text), len(body)) + text + body)


def receive(connection: socket.socket) -> tuple[dict, bytes] | None:
    """Wait for one message; None when the other side is gone."""
    try:
        lengths = _exactly(connection, _LENGTHS.size)
        header, body = _LENGTHS.unpack(lengths)
        return json.loads(_exactly(connection, header)), _exactly(connection, body)
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
