"""One file over HTTP: resumed where it was cut off, and there only when its SHA-256 is right.

pooch, the usual choice, starts a broken download again from its first byte and deletes what it had; with resuming of our own it
would be left with comparing a hash.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Sequence
from pathlib import Path

import requests

from lopa_bench.errors import RunFailed

CHUNK = 1 << 13  # what a break can lose
TIMEOUT = (10, 30)  # seconds to connect, and between two arrivals: a slow server is waited for, a silent one is not
ATTEMPTS = 3  # a server, each going on where the last one stopped


class Refused(Exception):
    """The server has answered, and not with the file."""


def sha256(path: Path) -> str:
    """Of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def download(urls: Sequence[str], expected: str, path: Path) -> None:
    """Bring the file to `path` from the first of `urls` that has it. What had arrived of it lies beside it as ``.part``.

    Raises:
        RunFailed: no server has it, the connection breaks again and again, or the content is another than `expected`.
    """
    part = path.with_name(path.name + ".part")
    resumed = part.exists()
    reasons = []
    for url in urls:
        try:
            _from(url, part)
        except (Refused, requests.RequestException) as error:
            reasons.append(f"{url}: {_reason(error)}")
            continue
        found = sha256(part)
        if found == expected:
            os.replace(part, path)
            return None
        if resumed:  # what lay there may have been wrong: once more, from the first byte
            part.unlink()
            return download(urls, expected, path)
        reasons.append(f"{url}: the content has SHA-256 {found[:12]}…, not {expected[:12]}…")
        part.unlink()
    kept = f" ({part.stat().st_size:,} bytes are kept, the same command goes on from there)" if part.exists() else ""
    raise RunFailed(f"{path.name} cannot be fetched: {'; '.join(reasons)}{kept}")


def _from(url: str, part: Path) -> None:
    """Append to `part` what it lacks, going on after a break as long as something arrives or `ATTEMPTS` are left."""
    attempts = ATTEMPTS
    while True:
        before = part.stat().st_size if part.exists() else 0
        try:
            return _append(url, part, before)
        except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
            arrived = part.exists() and part.stat().st_size > before
            attempts = ATTEMPTS if arrived else attempts - 1
            if not attempts:
                raise
            time.sleep(0.0 if arrived else 0.5)


def _append(url: str, part: Path, start: int) -> None:
    # Stored bytes as they are: a compressed answer could not be resumed.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == requests.codes.range_not_satisfiable:  # all of it is there
            return
        if not answer.ok:
            raise Refused(f"{answer.status_code} {answer.reason}")
        resumed = answer.status_code == requests.codes.partial_content
        with part.open("ab" if resumed else "wb") as file:
            arrived = file.tell()
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                arrived += len(chunk)
        whole = int(answer.headers.get("Content-Length", 0)) + (start if resumed else 0)
        if answer.headers.get("Content-Length") and arrived < whole:
            raise requests.ConnectionError(f"{arrived:,} of {whole:,} bytes")


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the connection breaks" if "bytes" in str(error) else "cannot be reached"
    return str(error)
