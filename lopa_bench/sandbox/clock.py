"""The time that one program has: seconds of CPU, with the wall clock behind them."""

from __future__ import annotations

import contextlib
import os
import time

GRACE_S = 1.75  # on the wall beyond the limit, for a program that other work kept off the CPU
_PULSE_S = 0.25
_LOOK_BACK_S = 0.5  # before the limit: long enough that waiting for a turn among many is not taken for sleep
_LEAST_SHARE = 0.1  # of the CPU; who gets less sleeps, or would not come to an end in time
_SCHED = 2  # CPUCLOCK_SCHED in clock_getcpuclockid(3)


class Clock:
    """Starts with the program, in its zygote.

    A program that has used less CPU than its limit when the limit has passed on the wall was kept
    waiting by other work on the machine. It may go on to its limit, for ``GRACE_S`` at most, as
    long as it computes. One that sleeps gets no more: it would do so on an idle machine too.
    """

    def __init__(self, pid: int, timeout_s: float) -> None:
        self._pid = pid
        self._clock = (~pid << 3) | _SCHED
        self._timeout_s = timeout_s
        self._used = 0.0
        self._started = self._looked = time.monotonic()
        self._due = self._started + timeout_s
        self._look_at = self._due - min(_LOOK_BACK_S, timeout_s)

    def elapsed(self) -> float:
        return time.monotonic() - self._started

    def left(self) -> float:
        """Seconds until this must be asked again; 0 when the time is over."""
        now = time.monotonic()
        if now < self._look_at:
            return self._look_at - now
        before, self._used = self._used, time.clock_gettime(self._clock)
        asleep = self._used - before < _LEAST_SHARE * (now - self._looked)
        self._looked = now
        spent = self._used >= self._timeout_s
        if now >= self._due + GRACE_S or (now >= self._due and (asleep or spent)):
            return 0.0
        pulse = min(_PULSE_S, max(0.01, self._timeout_s - self._used))
        self._look_at = self._due if now < self._due else min(now + pulse, self._due + GRACE_S)
        if now >= self._due:
            self._hurry()
        return self._look_at - now

    def _hurry(self) -> None:
        """Let it go before other work, where ``limits.allow_hurry`` could give the right to that."""
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, self._pid, -20)
