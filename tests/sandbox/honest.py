"""Honest programs that look odd. Every one must pass, at every level."""

from __future__ import annotations

HONEST: dict[str, tuple[str, tuple[str, ...]]] = {
    "deep recursion": ("""
import sys
sys.setrecursionlimit(50_000)
def f(n):
    return 0 if n == 0 else 1 + f(n - 1)
""", ("assert f(20_000) == 20_000",)),
    "the stack's limit": ("""
import resource, sys
resource.setrlimit(resource.RLIMIT_STACK, resource.getrlimit(resource.RLIMIT_STACK))
resource.setrlimit(resource.RLIMIT_STACK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
sys.setrecursionlimit(10 ** 6)
def f(n):
    return 0 if n == 0 else 1 + f(n - 1)
""", ("assert f(20_000) == 20_000",)),
    "keys in order": ("from collections import OrderedDict\ndef f(x):\n    return OrderedDict({x: 2}).keys()",
                      ("assert f(1) == {1}",)),
    "recursion near the default limit": (
        "def f(n):\n    return 0 if n == 0 else 1 + f(n - 1)", ("assert f(950) == 950",)),
    "a megabyte printed": (
        "print('x' * 10 ** 6)\ndef f(x):\n    print('y' * 10 ** 6)\n    return x",
        ("assert f(1) == 1",)),
    "a megabyte returned": (
        "def f(n):\n    return 'x' * n", (f"assert f(1000000) == {'x' * 1_000_000!r}",)),
    "two hundred megabytes": ("""
def f(n):
    block = bytearray(n)
    block[-1] = 7
    return sum(block[-3:])
""", ("assert f(200 << 20) == 7",)),
    "200 MB of small objects": ("def f(n):\n    return len([[i] for i in range(n)])",
                                ("assert f(1_500_000) == 1_500_000",)),
    "a second and a half of CPU": ("""
import time
def f():
    end = time.process_time() + 1.5
    while time.process_time() < end:
        pass
    return 'done'
""", ("assert f() == 'done'",)),
    "threads": ("""
import threading
def f(n):
    seen, lock = [], threading.Lock()
    def add(i):
        with lock:
            seen.append(i)
    threads = [threading.Thread(target=add, args=(i,)) for i in range(n)]
    for t in threads: t.start()
    for t in threads: t.join()
    return sorted(seen)
""", (f"assert f(60) == {list(range(60))}",)),
    "a thread pool": ("""
from concurrent.futures import ThreadPoolExecutor
def f(xs):
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda x: x * x, xs))
""", ("assert f([1, 2, 3]) == [1, 4, 9]",)),
    "asyncio": ("""
import asyncio
async def g(x):
    await asyncio.sleep(0.01)
    return x + 1
def f(x):
    return asyncio.run(g(x))
""", ("assert f(1) == 2",)),
    "CRLF": ("def f(x):\r\n    y = x + 1\r\n    return y\r\n", ("assert f(1) == 2",)),
    "tabs and form feeds": (
        "\x0c\ndef f(x):\n\tif x:\n\t\treturn 1\n\treturn 0", ("assert f(1) == 1",)),
    "big integers": ("def f(n):\n    return 7 ** n", (f"assert f(20000) == {hex(7 ** 20000)}",)),
    "state between asserts": ("""
calls = []
def f(x):
    calls.append(x)
    return list(calls)
""", ("assert f(1) == [1]", "assert f(2) == [1, 2]", "assert f(3) == [1, 2, 3]")),
    "a main guard": ("""
def f(x):
    return x * 2
if __name__ == '__main__':
    raise SystemExit(input('how many? '))
""", ("assert f(2) == 4",)),
    "stdlib containers": ("""
from collections import Counter, OrderedDict, defaultdict, namedtuple
Pair = namedtuple('Pair', 'a b')
def f(kind):
    d = defaultdict(int); d['x'] += 1
    return {'c': Counter('aab'), 'o': OrderedDict(a=1), 'd': d, 'n': Pair(1, 2)}[kind]
""", ("assert f('c') == {'a': 2, 'b': 1}", "assert f('o') == {'a': 1}", "assert f('d') == {'x': 1}",
      "assert f('n') == (1, 2)")),
    "enums": ("""
from enum import Enum, IntEnum
class Size(IntEnum):
    SMALL = 1
class Name(str, Enum):
    A = 'a'
def f(x):
    return [Size.SMALL, Name.A]
""", ("assert f(0) == [1, 'a']",)),
    "numbers of other types": ("""
from decimal import Decimal
from fractions import Fraction
def f(x):
    return [True, 2.0, complex(3, 0), Fraction(1, 2), Decimal('0.5')]
""", ("assert f(0) == [1, 2, 3, 0.5, 0.5]",)),
    "dict views": ("def f(x):\n    return {1: 2, 3: 4}.keys()", ("assert f(0) == {1, 3}",)),
    "keys of all kinds": ("""
def f(x):
    return {None: 1, (1, 'a'): [2], 's': {4}, b'x': ..., -0.0: 1j}
""", ("assert f(0) == {None: 1, (1, 'a'): [2], 's': {4}, b'x': ..., 0: 1j}",)),
    "infinity": ("def f(x):\n    return [float('inf'), -float('inf')]",
                 ("assert f(0) == [1e999, -1e999]",)),
    "text of all kinds": ("def f(x):\n    return 'é\\n\\0\\ud800\U0001f600\"\\\\'",
                          ("assert f(0) == 'é\\n\\0\\ud800\U0001f600\"\\\\'",)),
    "its own names": ("""
def print(*args): raise ValueError
def len(x): return 7
def f(x): return len(x)
""", ("assert f('') == 7",)),
    "warnings and stderr": ("""
import sys, warnings
warnings.warn('old')
print('x', file=sys.stderr)
x = 1 is 1
def f(x): return '\\d'
""", (r"assert f(0) == '\\d'",)),
    "dataclass and typing": ("""
from dataclasses import dataclass
from typing import List, Optional
@dataclass(order=True)
class P:
    x: int
    y: Optional[List[int]] = None
def f(a: int) -> bool:
    return P(a) < P(a + 1) and P(a) == P(a)
""", ("assert f(1) == True",)),
    "classes in the arguments": ("""
class Pair:
    def __init__(self, a, b): self.a, self.b = a, b
def f(pairs): return sum(p.a * p.b for p in pairs)
""", ("assert f([Pair(1, 2), Pair(3, 4)]) == 14",)),
    "silenced output": ("""
import contextlib, io, os, sys
def f(x):
    with contextlib.redirect_stdout(io.StringIO()) as out:
        print('hello')
    sys.stdout = open(os.devnull, 'w')
    print('gone')
    return out.getvalue()
""", ("assert f(0) == 'hello\\n'",)),
    "its own alarm": ("""
import signal
class Late(Exception): pass
def ring(*a): raise Late
def f(x):
    signal.signal(signal.SIGALRM, ring)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        while True: pass
    except Late:
        return 'rang'
""", ("assert f(0) == 'rang'",)),
    "standard modules": ("""
import array, bisect, cmath, csv, datetime, difflib, functools, hashlib, heapq, itertools, json
import math, operator, random, re, statistics, string, sys, textwrap, time, unicodedata, uuid
def f(x):
    random.seed(1)
    return hashlib.sha256(b'x').hexdigest()[:4] + json.dumps([random.random() < 1])
""", ("assert f(0) == '2d71[true]'",)),
    "asserts of other shapes": ("def f(x):\n    return x / 3",
        ("assert abs(f(1) - 0.3333) < 1e-3", "assert f(3) is not None", "assert not f(0)",
         "assert 1 == f(3)", "import math\nassert math.isclose(f(1), 1 / 3)",
         "assert round(f(1), 2) == 0.33, 'message'", "assert set([f(3)]) == {1.0}")),
    "time and randomness": ("""
import os, random, secrets, time
def f(x):
    time.sleep(0.01)
    luck = [random.random() < 1, secrets.randbelow(5) < 5, time.time() > 0]
    return len(os.urandom(4)) + sum(luck)
""", ("assert f(0) == 7",)),
    "asyncio with threads and time-outs": ("""
import asyncio, contextvars
async def g():
    three = await asyncio.get_running_loop().run_in_executor(None, sum, [1, 2])
    await asyncio.wait_for(asyncio.to_thread(len, 'ab'), 5)
    queue = asyncio.Queue()
    await queue.put(three)
    return await queue.get()
def f(x):
    return asyncio.run(g())
""", ("assert f(1) == 3",)),
    "selectors on a socket pair": ("""
import selectors, socket
def f(x):
    a, b = socket.socketpair()
    selector = selectors.DefaultSelector()
    selector.register(a, selectors.EVENT_READ)
    b.send(b'x')
    return [key.fd == a.fileno() for key, _ in selector.select(1)]
""", ("assert f(1) == [True]",)),
    "pickles and deep copies": ("""
import pickle, copy
class A:
    def __init__(self):
        self.v = 1
def f(x):
    return pickle.loads(pickle.dumps([1, {2: 3}])) + [copy.deepcopy(A()).v]
""", ("assert f(1) == [1,{2:3},1]",)),
    "an empty standard input": ("""
import sys
def f(x): return list(sys.stdin)
""", ("assert f(1) == []",)),
    "time zones": ("""
import zoneinfo, datetime, locale, calendar
def f(x): return datetime.datetime(2020,1,1,tzinfo=zoneinfo.ZoneInfo('Europe/Berlin')).utcoffset().seconds
""", ("assert f(1) == 3600",)),
    "its own unit tests": ("""
import inspect, traceback, dis, io, linecache, doctest, unittest
class T(unittest.TestCase):
    def test_a(self):
        self.assertEqual(1, 1)
def f(x):
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(T)
    return unittest.TextTestRunner(stream=io.StringIO()).run(suite).testsRun
""", ("assert f(1) == 1",)),
    "tracing its own memory": ("""
import gc, resource, weakref, tracemalloc, sys
def f(x):
    tracemalloc.start()
    gc.collect()
    sys.setswitchinterval(0.001)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
""", ("assert f(1) == True",)),
    "the platform": ("""
import platform, getpass, locale, gettext, pwd
def f(x): return [bool(platform.system()), bool(platform.platform())]
""", ("assert f(1) == [True,True]",)),
}  # fmt: skip
