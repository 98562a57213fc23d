"""Ctrl-C, SIGTERM, a closed terminal (SIGHUP) and a queue's warning (SIGUSR2): an exception at once, or, in training, at the next step."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from lopa_bench.errors import Interrupted

WARNING = signal.SIGUSR2  # time runs out, or another job goes first: what submitit has SLURM send
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, WARNING)


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
    """The first signal is only noted, in the list that this yields; a second one raises `Interrupted` at once.

    But a warning, which SLURM sends after a SIGTERM where another job goes first, takes the place of what was noted.
    """
    received: list[int] = []

    def handler(signum: int, frame: FrameType | None) -> None:
        if received and (signum != WARNING or WARNING in received):
            raise Interrupted(signum)
        received[:] = [signum]

    with _handlers(handler):
        yield received


def hand_on(interruption: Interrupted) -> None:
    """Give the signal to whom it was meant for before this program: submitit, which has a job that was warned queued again, and ends it."""
    if callable(signal.getsignal(interruption.signum)):
        signal.raise_signal(interruption.signum)


@contextlib.contextmanager
def _handlers(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # only the main thread may set handlers
        yield
        return
    nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # nohup has said that the terminal may go
    caught = [signum for signum in SIGNALS if not (nohup and signum is signal.SIGHUP)]
    before = {signum: signal.signal(signum, handler) for signum in caught}
    try:
        yield
    finally:
        for signum, old in before.items():
            signal.signal(signum, signal.SIG_DFL if old is None else old)  # None: a handler that is not Python's
