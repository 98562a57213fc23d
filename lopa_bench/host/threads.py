"""The threads that PyTorch computes with on the CPU, beside other programs. Imports no torch."""

from __future__ import annotations

import os

import psutil

SECONDS = 0.2  # that others are looked at
BUSY = 0.5  # cores
OWN = {"OMP_NUM_THREADS", "OMP_WAIT_POLICY", "GOMP_SPINCOUNT"}  # who has set one of these wants it so


def sleep_beside_others() -> float:
    """Let threads that wait for one another sleep, where other programs use some of the cores; how many; 0 where nothing was done.

    A waiting thread spins, which is fastest while every thread has a core. Where another program has one of them, it spins in the place of
    the thread that it waits for: three to six times as slow on two cores, one of them taken (docs/sweeps.md); with sleeping threads a third
    slower, and alone a tenth to a half. No number depends on it. OpenMP reads the variable when it is loaded, with PyTorch, which starts as
    many threads as there are physical cores: where each has two logical ones, there is room for others.
    """
    if OWN & set(os.environ):
        return 0.0
    logical = psutil.cpu_count() or 1
    cores = float(psutil.cpu_percent(SECONDS)) / 100 * logical
    if cores - (logical - (psutil.cpu_count(logical=False) or logical)) < BUSY:
        return 0.0
    os.environ["OMP_WAIT_POLICY"] = "passive"
    return cores
