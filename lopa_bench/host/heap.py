"""The C library's heap: what is freed is kept for the next tensors, and in pieces that fit them. Imports no torch."""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from typing import Any

_libc: Any = ctypes.CDLL(None) if os.name == "posix" else None  # a C library lacks what it does not know
GLIBC_SETTINGS = {"MALLOC_MMAP_THRESHOLD_", "MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"}  # mallopt(3)
TUNABLES, NO_SMALL_CACHES = "GLIBC_TUNABLES", "glibc.malloc.tcache_count"  # glibc's manual, Memory Allocation Tunables


def begin_without_small_caches() -> None:
    """Begin this program anew, in this process, with glibc's caches of small freed blocks off; return where there is nothing to be done.

    What these caches hold counts as used, so that the large blocks on both sides of it never become one again: with tensors of ever new
    lengths the heap grows on and on (docs/speed.md). glibc reads this setting once, when a program begins. To be called
    before anything else has happened; environment and arguments are the same.
    """
    set_before = os.environ.get(TUNABLES, "")
    if not keeps_freed_memory() or NO_SMALL_CACHES in set_before:
        return
    os.environ[TUNABLES] = ":".join(filter(None, [set_before, f"{NO_SMALL_CACHES}=0"]))
    with contextlib.suppress(OSError):
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def keep_freed_memory() -> None:
    """Let the C library keep memory that tensors free on the CPU, for the next ones.

    glibc gives large blocks back at once, and the system clears every page that it hands out again: half of the time of a step that
    writes with many beams. What is kept is never quite the size that is needed next, so the heap grows to about twice of what is used
    (docs/speed.md). Who has set one of glibc's own variables for it wants it otherwise. Nothing changes with other C libraries,
    which lack mallopt(3).
    """
    trim_threshold, mmap_max = -1, -4  # M_TRIM_THRESHOLD and M_MMAP_MAX of malloc.h
    if keeps_freed_memory():
        _libc.mallopt(mmap_max, 0)
        _libc.mallopt(trim_threshold, 2**31 - 1)


def keeps_freed_memory() -> bool:
    """Whether `keep_freed_memory` does anything here."""
    return hasattr(_libc, "mallopt") and not GLIBC_SETTINGS & set(os.environ)


def give_freed_memory_back() -> None:
    """What `keep_freed_memory` kept and nothing uses."""
    if hasattr(_libc, "malloc_trim"):
        _libc.malloc_trim(0)
