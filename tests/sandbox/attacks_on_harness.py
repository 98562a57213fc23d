"""Attacks on the verdict: finding the answer, patching the harness, forging replies."""

from __future__ import annotations

from attacks import E, L, M, T, W, X, attacks

TAMPERING = attacks("tampering", {
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
