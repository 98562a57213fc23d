"""How far a long loop over rows is, for whoever listens: a run's monitor. A loop nobody listens to says nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

Tell = Callable[[int, int], None]  # rows done, of how many
T = TypeVar("T")

_listener: ContextVar[Tell | None] = ContextVar("listener", default=None)


@contextmanager
def listening(tell: Tell) -> Iterator[None]:
    """Within the block, `tell` hears of every batch that a `counted` loop is done with."""
    token = _listener.set(tell)
    try:
        yield
    finally:
        _listener.reset(token)


def counted(batches: Iterable[T], size: Callable[[T], int], rows: int) -> Iterator[T]:
    """The batches of a loop over `rows` rows; when one is done with, its `size` is told."""
    done = 0
    for batch in batches:
        yield batch
        done += size(batch)
        if tell := _listener.get():
            tell(done, rows)
