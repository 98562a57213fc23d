"""The C library's settings: ours where the user has none, and the program that begins anew for one of them is the same program."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from lopa_bench.host import heap

PROGRAM = """
import os, sys
print("begins", sys.argv[1:], flush=True)
from lopa_bench.host.heap import begin_without_small_caches
begin_without_small_caches()
print(os.getppid(), os.environ.get("GLIBC_TUNABLES"))
"""


@pytest.mark.parametrize(("variable", "calls"), [(None, 2), ("MALLOC_MMAP_THRESHOLD_", 0)])
def test_the_users_allocator_settings_hold(variable, calls, monkeypatch):
    made = []
    monkeypatch.setattr(heap, "_libc", SimpleNamespace(mallopt=lambda *setting: made.append(setting)))
    for name in heap.GLIBC_SETTINGS:
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "262144")
    heap.keep_freed_memory()
    assert len(made) == calls


@pytest.mark.skipif(
    not heap.keeps_freed_memory(), reason="a C library without mallopt(3), or with the user's own settings"
)
@pytest.mark.parametrize(
    ("set_before", "times", "then"),
    [
        ({}, 2, "glibc.malloc.tcache_count=0"),
        ({"GLIBC_TUNABLES": "glibc.malloc.perturb=1"}, 2, "glibc.malloc.perturb=1:glibc.malloc.tcache_count=0"),
        ({"GLIBC_TUNABLES": "glibc.malloc.tcache_count=7"}, 1, "glibc.malloc.tcache_count=7"),
        ({"MALLOC_MMAP_THRESHOLD_": "262144"}, 1, "None"),
    ],
)
def test_a_program_begins_anew_once_as_the_same_process(set_before, times, then):
    known = {name: value for name, value in os.environ.items() if name != heap.TUNABLES}
    words = ["task=rte", "a b"]
    program = [sys.executable, "-X", "utf8", "-c", PROGRAM, *words]
    out = subprocess.run(program, env={**known, **set_before}, capture_output=True, text=True, check=True).stdout
    assert out.splitlines() == [f"begins {words}"] * times + [f"{os.getpid()} {then}"]
