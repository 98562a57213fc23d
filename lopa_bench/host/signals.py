"""Ctrl-C, SIGTERM and a closed terminal (SIGHUP): an exception at once, or, while a run trains, at the next step boundary."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from lopa_bench.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@contextlib.contextmanager
def raised() -> Iterator[None]:
    """The signals raise `Interrupted`."""

    def handler(signum: int, frame: FrameType | None) -> None:
        raise Interrupted(signum)

    with _handlers(handler):
        yield


@contextlib.contextmanager
def after(action: Callable[[], None]) -> Iterator[None]:
    """The signals raise `Interrupted` once `action` is done; a second one does not wait for it."""

    def handler(signum: int, frame: FrameType | None) -> None:
        with raised():
            action()
        raise Interrupted(signum)

    with _handlers(handler):
        yield


@contextlib.contextmanager
def held() -> Iterator[list[int]]:
    """The first signal is only noted, in the list that this yields; a second one raises `Interrupted` at once."""
    received: list[int] = []

    def handler(signum: int, frame: FrameType | None) -> None:
        if received:
            raise Interrupted(signum)
        received.append(signum)

    with _handlers(handler):
        yield received


@contextlib.contextmanager
def _handlers(handler: object) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return
    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup has said that the terminal may go
    caught = [signum for signum in SIGNALS if not (nohup and signum is signal.SIGHUP)]
    before = {signum: signal.signal(signum, handler) for signum in caught}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for signum, old in before.items():
            signal.signal(signum, old)
