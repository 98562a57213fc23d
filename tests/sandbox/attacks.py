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


# Verdicts: passing without the answer.
VERDICT = attacks("verdict", {
    "os._exit(0)": ({E}, "import os\nos._exit(0)"),
    "os._exit in f": ({E}, "import os\ndef f(x):\n    os._exit(0)"),
    "sys.exit(0)": ({E}, "import sys\nsys.exit(0)"),
    "SystemExit in f": ({E}, "def f(x):\n    raise SystemExit(0)"),
    "quit()": ({E, X}, "quit()"),
    "exit_group by hand": ({E}, """
import ctypes
ctypes.CDLL(None).syscall(231, 0)
def f(x): ...
"""),
    "KeyboardInterrupt": ({X}, "def f(x):\n    raise KeyboardInterrupt"),
    "GeneratorExit": ({X}, "raise GeneratorExit"),
    "always equal": ({W}, """
class Equal:
    def __eq__(self, other):
        return True
    __ne__ = lambda self, other: False
def f(x):
    return Equal()
"""),
    "always equal inside a list": ({W, X}, """
class Equal:
    def __eq__(self, other):
        return True
def f(x):
    return [Equal()]
"""),
    "int that is equal to all": ({W}, """
class Equal(int):
    __eq__ = lambda self, other: True
    __hash__ = int.__hash__
def f(x):
    return Equal(5)
"""),
    "list subclass": ({W}, """
class Equal(list):
    __eq__ = lambda self, other: True
def f(x):
    return Equal()
"""),
    "metaclass": ({W}, """
class Meta(type):
    def __eq__(cls, other):
        return True
    def __instancecheck__(cls, other):
        return True
    __hash__ = type.__hash__
class C(metaclass=Meta):
    pass
def f(x):
    return C
"""),
    "lying __class__": ({W}, """
class Lie:
    __class__ = int
    def __eq__(self, other):
        return True
    def __index__(self):
        return 1
    __int__ = __index__
def f(x):
    return Lie()
"""),
    "mock.ANY": ({W}, "def f(x):\n    from unittest import mock\n    return mock.ANY"),
    "mutates its equality later": ({W}, """
class Late(int):
    pass
def f(x):
    Late.__eq__ = lambda self, other: True
    return Late(3)
"""),
    "answers from frames": ({X, W}, """
import re, sys
def f(x):
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()) + list(frame.f_globals.values()):
            if found := re.search(r'20\) == (\d+)', repr(value)[:100_000]):
                return int(found[1])
        frame = frame.f_back
    raise LookupError
"""),
    "answers from gc": ({X, W}, """
import gc, re
def f(x):
    gc.unfreeze()
    for thing in gc.get_objects():
        if isinstance(thing, (list, tuple, dict)) and len(thing) < 50:
            if found := re.search(r'20\) == (\d+)', repr(thing)[:10_000]):
                return int(found[1])
    raise LookupError
"""),
    "answers from bytecode": ({X, W}, """
import gc, types
def f(x):
    for code in gc.get_objects():
        if isinstance(code, types.FunctionType):
            for constant in code.__code__.co_consts:
                if type(constant) is int and 8000 < constant < 9000:
                    return constant
    raise LookupError
"""),
    "answers from memory": ({X, W}, """
def f(x):
    with open('/proc/self/maps') as maps, open('/proc/self/mem', 'rb') as memory:
        for line in maps:
            if 'heap' in line:
                low, high = (int(n, 16) for n in line.split()[0].split('-'))
                memory.seek(low)
                if b'f(20) =' in (text := memory.read(high - low)):
                    return int(text.split(b'f(20) == ')[1][:4])
    raise LookupError
"""),
    "answers from the source on disk": ({X}, """
import os
def f(x):
    for folder, _, files in os.walk('OUTSIDE'):
        for name in files:
            return int(open(os.path.join(folder, name)).read())
    raise LookupError
"""),
    "builtins patched": ({X, W, E}, """
import builtins, operator
for name in ('len', 'isinstance', 'issubclass', 'type', 'repr', 'str', 'int', 'all', 'any', 'eval'):
    setattr(builtins, name, lambda *a, **k: True)
operator.eq = lambda a, b: True
def f(x):
    return True
"""),
    "asserts patched away": ({X, W}, """
import builtins
class Never(BaseException):
    pass
builtins.AssertionError = Never
def f(x):
    return 0
"""),
    "trace function": ({X, W}, """
import sys
def tracer(frame, event, argument):
    for name in list(frame.f_locals):
        if name in ('passed', 'result', 'ok', 'equal', 'status'):
            frame.f_locals[name] = True
    return tracer
sys.settrace(tracer)
def f(x):
    return 0
"""),
    "harness functions replaced": ({X, W, M, E, T}, """
import sys
for module in list(sys.modules.values()):
    name = getattr(module, '__name__', '')
    if 'sandbox' in str(name) or name == 'json':
        for key, value in list(vars(module).items()):
            if callable(value) and not key.startswith('__'):
                setattr(module, key, lambda *a, **k: True)
def f(x):
    return 0
"""),
    "encoder replaced": ({X, W, M}, """
import sys
codec = next(m for n, m in sys.modules.items() if n.endswith('.codec') and 'sandbox' in n)
codec.dump = lambda value: b'["int","True"]'
def f(x):
    return 0
"""),
    "eval replaced by every number": ({M, W, X, L}, """
import sys
child = next(m for n, m in sys.modules.items() if n.endswith('.child') and 'sandbox' in n)
for number in range(100):
    child._write(b'["value",["int","%x"]]' % number)
def f(x):
    return 0
"""),
    "forged replies on every descriptor": ({M, W}, """
import os
for payload in (b'PASSED', b'{"passed": true}', b'{"ok": true, "result": "passed"}'):
    for descriptor in range(0, 64):
        try:
            os.write(descriptor, payload + b'\\n')
            os.write(descriptor, len(payload).to_bytes(4, 'big') + payload)
        except OSError:
            pass
def f(x):
    return 0
"""),
    "pickles on every descriptor": ({M, W}, """
import os, pickle
class Boom:
    def __reduce__(self):
        return os.system, ('touch OUTSIDE/pickled',)
for descriptor in range(3, 64):
    try:
        os.write(descriptor, pickle.dumps(Boom()))
    except OSError:
        pass
def f(x):
    return 0
"""),
    "ready again and an exception": ({M, X, W}, """
import os
for text in (b'["ready"]', b'["exception","BOOM"]', b'["syntax"]'):
    os.write(3, len(text).to_bytes(4, 'big') + text)
def f(x):
    return 0
"""),
    "descriptors closed": ({M, E, X}, "import os\nos.closerange(0, 256)\ndef f(x):\n    return 0"),
    "descriptors swapped": ({M, E, X}, """
import os
null = os.open('/dev/null', os.O_RDWR)
for descriptor in range(3, 20):
    if descriptor != null:
        try:
            os.dup2(null, descriptor)
        except OSError:
            pass
def f(x):
    return 0
"""),
    "a forged flood": ({M, T, W}, """
import os
block = b'["value",["True"]]' * 10000
while True:
    os.write(3, block)
"""),
    "empty answers without end": ({M}, """
import os
for _ in range(100):
    os.write(3, bytes(40_000))
def f(x):
    return 0
"""),
    "code of the others": ({X, W}, """
import ctypes, re
def f(x):
    low = id(re) & ~0xFFFFF
    for start in range(low - (4 << 20), low + (4 << 20), 1 << 12):
        pass  # what is not mapped would end the process: look where objects are
    import gc
    for thing in map(id, gc.get_objects()):
        text = ctypes.string_at(thing, 64)
        if found := re.search(rb'20\\) == (\\d+)', text):
            return int(found[1])
    raise LookupError
"""),
    "a length without an end": ({M, E, W}, """
import os
os.write(3, b'\\xff\\xff\\xff\\xff')
def f(x):
    return 0
"""),
    "colliding hashes forged": ({M, W}, """
import os
m = (1 << 61) - 1
items = ','.join('["int","%x"]' % (m * k) for k in range(30000))
text = ('["value",["set",[' + items + ']]]').encode()
frame = len(text).to_bytes(4, 'big') + text
while frame:
    frame = frame[os.write(3, frame):]
def f(x):
    return 0
"""),
    "deep JSON forged": ({M, W}, """
import os
text = b'[' * 900000
frame = len(text).to_bytes(4, 'big') + text
while frame:
    frame = frame[os.write(3, frame):]
def f(x):
    return 0
"""),
    "does not define f": ({X}, "g = 1"),
    "f is not callable": ({X}, "f = 8"),
    "raises a class that lies": ({X}, """
class Meta(type):
    def __getattribute__(cls, name):
        raise SystemError
class Odd(BaseException, metaclass=Meta):
    pass
def f(x):
    raise Odd
"""),
    "an exception that will not be caught": ({X, E, T, M}, """
class Again(BaseException):
    def __init__(self, *a):
        raise self
    def __del__(self):
        raise self
def f(x):
    raise Again
"""),
})  # fmt: skip
