"""One file over HTTP: resumed where it was cut off, bounded in size and time, and there only when its SHA-256 is right.

pooch, the usual choice, starts a broken download again from its first byte and deletes what it had; with resuming of our own it
would be left with comparing a hash.
"""

from __future__ import annotations

import os
import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

from lopa_bench.errors import RunFailed
from lopa_bench.host.files import sha256

CHUNK = 1 << 13  # what a break can lose
TIMEOUT = (10, 30)  # seconds to connect, and between two arrivals: a slow server is waited for, a silent one is not
ATTEMPTS = 3  # a server, each going on where the last one stopped
SLOWEST = 1 << 14  # bytes a second; with `PATIENCE` the time that a file may take in all
PATIENCE = 120  # seconds more, for servers that are asked in vain
LARGEST = 1 << 30  # bytes, where a file's size is not known


class Refused(Exception):
    """The server has answered, and not with the file."""


@dataclass(frozen=True)
class Limits:
    """How much may come, and until when.

    Attributes:
        size: bytes of the whole file, or None; `most` then bounds what is taken.
        until: on the clock of `time.monotonic`.
    """

    size: int | None
    most: int
    until: float

    @classmethod
    def of(cls, size: int | None) -> Limits:
        most = LARGEST if size is None else size
        return cls(size, most, time.monotonic() + PATIENCE + most / SLOWEST)

    def check_time(self) -> None:
        """Raise `Refused` once the time is up."""
        if time.monotonic() > self.until:
            raise Refused(f"slower than {SLOWEST // 1024} KiB a second")


def download(urls: Sequence[str], expected: str, path: Path, size: int | None = None) -> None:
    """Bring the file to `path` from the first of `urls` that has it. What had arrived of it lies beside it as ``.part``.

    Args:
        expected: its SHA-256.
        size: its bytes, where they are known.

    Raises:
        RunFailed: no server has it, the connection breaks again and again, or the content is another than `expected`.
    """
    part, limits = path.with_name(path.name + ".part"), Limits.of(size)
    resumed = part.exists()
    if resumed and part.stat().st_size > limits.most:  # not this file's beginning
        part.unlink()
    reasons = []
    for url in urls:
        try:
            _from(url, part, limits)
        except (Refused, OSError, ValueError) as error:  # requests' own are OSErrors, those of an address ValueErrors
            reasons.append(f"{url}: {_reason(error)}")
            continue
        found = sha256(part)
        if found == expected:
            os.replace(part, path)
            return None
        part.unlink()
        if resumed:  # what lay there may have been wrong: once more, from the first byte
            return download(urls, expected, path, size)
        reasons.append(f"{url}: the content has SHA-256 {found[:12]}…, not {expected[:12]}…")
    kept = f" ({part.stat().st_size:,} bytes are kept, the same command goes on from there)" if part.exists() else ""
    raise RunFailed(f"{path.name} cannot be fetched: {'; '.join(reasons)}{kept}")


def _from(url: str, part: Path, limits: Limits) -> None:
    """Append to `part` what it lacks, going on after a break as long as something arrives or `ATTEMPTS` are left."""
    attempts = ATTEMPTS
    while True:
        before = part.stat().st_size if part.exists() else 0
        if before and before == limits.size:  # all of it is there
            return None
        try:
            return _append(url, part, before, limits)
        except (requests.ConnectionError, requests.Timeout):
            arrived = part.exists() and part.stat().st_size > before
            attempts = ATTEMPTS if arrived else attempts - 1
            if not attempts:
                raise
            limits.check_time()
            time.sleep(0.0 if arrived else 0.5)


def _append(url: str, part: Path, start: int, limits: Limits) -> None:
    # Stored bytes as they are: a compressed answer could not be resumed.
    headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={start}-"} if start else {})}
    with _answer(url, headers, limits) as answer:
        if answer.status_code == requests.codes.range_not_satisfiable and start:  # all of it is there
            return
        if not answer.ok:
            raise Refused(f"{answer.status_code} {answer.reason}")
        resumed = answer.status_code == requests.codes.partial_content
        arrived = start if resumed else 0
        whole = _length(answer, arrived)
        if whole is not None and limits.size not in (None, whole):
            raise Refused(f"its file has {whole:,} bytes, not {limits.size:,}")
        with part.open("ab" if resumed else "wb") as file:
            for chunk in _chunks(answer):
                arrived += len(chunk)
                if arrived > limits.most:
                    part.unlink()
                    raise Refused(f"more than the {limits.most:,} bytes of the file arrive")
                file.write(chunk)
                limits.check_time()
        if arrived < (whole or limits.size or 0):
            raise requests.ConnectionError(f"{arrived:,} of {whole or limits.size:,} bytes")


def _answer(url: str, headers: dict[str, str], limits: Limits) -> requests.Response:
    """The server's answer without its body. A thread waits for it, since one that dribbles its header never times out."""
    arrived: queue.SimpleQueue[requests.Response | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            arrived.put(requests.get(url, headers=headers, stream=True, timeout=TIMEOUT))
        except Exception as error:
            arrived.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = arrived.get(timeout=min(2 * sum(TIMEOUT), max(0.0, limits.until - time.monotonic())))
    except queue.Empty:
        raise requests.Timeout from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def _chunks(answer: requests.Response) -> Iterator[bytes]:
    """What has arrived, each time something has: `iter_content` waits until it has a whole chunk, however slowly that fills."""
    try:
        while chunk := answer.raw.read1(CHUNK):
            yield chunk
    except urllib3.exceptions.TimeoutError as error:
        raise requests.Timeout from error
    except urllib3.exceptions.HTTPError as error:
        raise requests.ConnectionError(f"fewer bytes than there are: {error}") from error


def _length(answer: requests.Response, start: int) -> int | None:
    """The bytes of the whole file as the server says them; None where it says nothing that is a number."""
    said = answer.headers.get("Content-Length", "")
    return start + int(said) if said.isascii() and said.isdecimal() and len(said) < 19 else None


def _reason(error: Exception) -> str:
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "the connection breaks" if "bytes" in str(error) else "cannot be reached"
    return str(error)
