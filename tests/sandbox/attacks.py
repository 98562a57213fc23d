"""Programs that try to pass without solving, to get out, or to do harm. None may succeed.

Each has a name, the reasons its verdict may carry, and a text. It is asked
``assert f(20) == 8443``, whose answer it does not contain. OUTSIDE stands for a directory with a
file ``treasure`` that is not the program's, PORT for a listening TCP port, SECRET for the name of
an environment variable of the harness.
"""

from __future__ import annotations

from dataclasses import dataclass

TESTS = ("assert f(20) == 8443",)

T, X, W, M = "timeout", "exception", "wrong_value", "malformed_reply"
E, S, MEM, L = "exit", "syntax", "memory", "limit"


@dataclass(frozen=True)
class Attack:
    name: str
    reasons: frozenset[str]
    code: str


def attacks(kind: str, table: dict[str, tuple[set[str], str]]) -> list[Attack]:
    return [Attack(f"{kind}/{n}", frozenset(r), code) for n, (r, code) in table.items()]


# Time: each of these would run for ever. They cost a time-out each, so there are few.
TIME = attacks("time", {
    "loop that catches everything": ({T}, """
while True:
    try:
        while True:
            pass
    except BaseException:
        pass
"""),
    "signals ignored": ({T}, """
import signal, time
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except Exception:
        pass
signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))
while True:
    time.sleep(9)
"""),
    "timers cancelled": ({T}, """
import signal
signal.alarm(0)
signal.setitimer(signal.ITIMER_REAL, 0)
signal.setitimer(signal.ITIMER_PROF, 0)
def f(x):
    while True:
        pass
"""),
    "catastrophic regex": ({T}, """
import re
def f(x):
    return re.match(r'(a+)+$', 'a' * 64 + 'b')
"""),
    "one big power": ({T, MEM}, "def f(x):\n    return (7 ** (10 ** 9)) % 10"),
    "stops itself": ({T, X}, """
import os, signal
signal.raise_signal(signal.SIGSTOP)
os.kill(os.getpid(), signal.SIGSTOP)
while True:
    pass
"""),
    "slow str of an exception": ({X}, """
class Slow(Exception):
    def __str__(self):
        while True:
            pass
    __repr__ = __str__
def f(x):
    raise Slow
"""),
    "slow destructor": ({T, X}, """
class Late:
    def __del__(self):
        while True:
            pass
def f(x):
    keep = Late()
    raise ValueError(keep)
"""),
    "slow equality and hash": ({W}, """
class Slow:
    def __eq__(self, other):
        while True:
            pass
    __hash__ = __ne__ = __bool__ = __eq__
def f(x):
    return Slow()
"""),
    "slow iteration": ({T, W}, """
class Slow(list):
    def __iter__(self):
        while True:
            pass
    def __len__(self):
        while True:
            pass
def f(x):
    return Slow([8])
"""),
    "threads that outlive": ({W}, """
import threading, time
def spin():
    while True:
        time.sleep(0.01)
for _ in range(8):
    threading.Thread(target=spin).start()
def f(x):
    return 1
"""),
    "exit handlers": ({W}, """
import atexit, threading
@atexit.register
def stay():
    while True:
        pass
threading._register_atexit(stay)
def f(x):
    return 1
"""),
    "_exit taken away": ({T, W, E}, """
import os, sys
os._exit = lambda *a: None
for module in list(sys.modules.values()):
    for name in ('_exit', 'os'):
        if hasattr(module, name) and module is not os:
            setattr(module, name, None)
def f(x):
    while True:
        pass
"""),
    "waits for input": ({X}, "def f(x):\n    return int(input())"),
    "reads stdin": ({X, W}, "import sys\ndef f(x):\n    return int(sys.stdin.read() or 0)"),
})  # fmt: skip
