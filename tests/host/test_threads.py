"""Threads that wait sleep where others want the cores, and spin where nobody does."""

import os
import subprocess
import sys

import psutil
import pytest

from lopa_bench.host.threads import BUSY, OWN, sleep_beside_others


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in OWN:
        monkeypatch.setenv(name, "")  # so that it is put back
        monkeypatch.delenv(name)


def used(monkeypatch, percent, cores=4, threads_a_core=1):
    monkeypatch.setattr(psutil, "cpu_percent", lambda seconds: percent)
    monkeypatch.setattr(psutil, "cpu_count", lambda logical=True: cores if logical else cores // threads_a_core)


@pytest.mark.parametrize(("percent", "cores"), [(0.0, 0.0), (12.0, 0.0), (12.5, 0.5), (50.0, 2.0)])
def test_they_sleep_from_half_a_core_of_others_on(monkeypatch, percent, cores):
    used(monkeypatch, percent)
    assert sleep_beside_others() == cores
    assert os.environ.get("OMP_WAIT_POLICY") == ("passive" if cores >= BUSY else None)


@pytest.mark.parametrize(("percent", "sleep"), [(20.0, False), (55.0, False), (60.0, True)])
def test_a_core_of_two_logical_ones_has_room_for_others(monkeypatch, percent, sleep):
    used(monkeypatch, percent, cores=8, threads_a_core=2)
    assert (sleep_beside_others() > 0) == sleep


@pytest.mark.parametrize("name", sorted(OWN))
def test_who_has_set_something_wants_it_so(monkeypatch, name):
    used(monkeypatch, 100.0)
    monkeypatch.setenv(name, "1")
    before = dict(os.environ)
    assert sleep_beside_others() == 0
    assert dict(os.environ) == before


def test_openmp_takes_it_when_torch_is_loaded_after_it():
    """`OMP_DISPLAY_ENV` has OpenMP say what it read."""
    code = "import lopa_bench.host.threads as t; t.BUSY = 0; t.sleep_beside_others(); import torch"
    environment = {name: value for name, value in os.environ.items() if name not in OWN}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**environment, "OMP_DISPLAY_ENV": "true"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "OMP_WAIT_POLICY = 'PASSIVE'" in done.stderr.replace("[host] ", "")
