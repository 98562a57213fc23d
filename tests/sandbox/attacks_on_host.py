"""More attacks: reaching the machine, using it up, and what breaks parsers. See ``attacks``."""

from __future__ import annotations

from attacks import MEM, E, L, S, T, W, X, attacks

ESCAPE = attacks("escape", {
    "writes outside": ({X}, "open('OUTSIDE/treasure', 'w').write('mine')"),
    "creates outside": ({X}, "open('OUTSIDE/new', 'w').write('mine')"),
    "deletes outside": ({X}, "import shutil\nshutil.rmtree('OUTSIDE')"),
    "renames outside": ({X}, "import os\nos.rename('OUTSIDE/treasure', 'OUTSIDE/gone')"),
    "truncates outside": ({X}, "import os\nos.truncate('OUTSIDE/treasure', 0)"),
    "opens to truncate": ({X}, "import os\nos.open('OUTSIDE/treasure', os.O_RDONLY | os.O_TRUNC)"),
    "changes a mode": ({X}, "import os\nos.chmod('OUTSIDE/treasure', 0)"),
    "changes a time": ({X}, "import os\nos.utime('OUTSIDE/treasure', (0, 0))"),
    "hard link": ({X}, "import os\nos.link('OUTSIDE/treasure', '/tmp/link')"),
    "through a symlink": ({X}, """
import os
os.symlink('OUTSIDE/treasure', 'link')
open('link', 'w').write('mine')
"""),
    "reads a secret file": ({X}, "def f(x):\n    return int(open('OUTSIDE/treasure').read())"),
    "patches the interpreter": ({X}, """
import json, os
os.makedirs(os.path.dirname(json.__file__) + '/lopa', exist_ok=True)
open(json.__file__, 'a').write('# mine')
"""),
    "leaves a startup file": ({X}, """
import os, site
for folder in site.getsitepackages():
    with open(os.path.join(folder, 'mine.pth'), 'w') as out:
        out.write('import os')
"""),
    "environment": ({W, X}, """
import os
class Leak(Exception):
    pass
def f(x):
    Leak.__name__ = Leak.__qualname__ = os.environ.get('SECRET', '') + ' nothing'
    raise Leak(str(os.environ))
"""),
    "environment of the others": ({X, W}, """
import glob
def f(x):
    return [open(path, 'rb').read().decode() for path in glob.glob('/proc/[0-9]*/environ')]
"""),
    "tcp": ({X}, "import socket\nsocket.create_connection(('127.0.0.1', PORT), 1).send(b'hello')"),
    "udp": ({X}, """
import socket
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'hello', ('127.0.0.1', PORT))
"""),
    "unix socket": ({X}, "import socket\nsocket.socket(socket.AF_UNIX).connect('OUTSIDE/socket')"),
    "raw packets": ({X}, "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)"),
    "address on a socketpair": ({X}, """
import socket
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
a.sendto(b'hello', 'OUTSIDE/socket')
"""),
    "http": ({X}, "import urllib.request\nurllib.request.urlopen('http://127.0.0.1:PORT/')"),
    "fork bomb": ({X}, "import os\nwhile True:\n    os.fork()"),
    "daemon": ({X}, """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(60)
"""),
    "subprocess": ({X}, "import subprocess\nsubprocess.Popen(['sleep', '60'])"),
    "os.system": ({X, W}, "import os\ndef f(x):\n    return os.system('touch OUTSIDE/shell')"),
    "execv": ({X}, "import os\nos.execv('/bin/sh', ['sh', '-c', 'sleep 60'])"),
    "posix_spawn": ({X}, "import os\nos.posix_spawn('/bin/sleep', ['sleep', '60'], {})"),
    "multiprocessing": ({X}, "import multiprocessing as m\nm.Process(target=print).start()"),
    "clone by hand": ({X}, """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(56, 17, 0, 0, 0, 0) < 0 and libc.syscall(435, bytes(88), 88) < 0:
    raise OSError(ctypes.get_errno())
while True:
    pass
"""),
    "kills its parent": ({X}, "import os\nassert os.getppid()\nos.kill(os.getppid(), 9)"),
    "kills everything": ({X}, "import os\nos.kill(-1, 9)"),
    "signals every process": ({X}, """
import os
others = set(range(1, 40000)) - {os.getpid()}
reached = 0
for pid in others:
    try:
        os.kill(pid, 19)
        reached += 1
    except OSError:
        pass
assert reached
"""),
    "signals by descriptor owner": ({X}, """
import fcntl, os
r, w = os.pipe()
fcntl.fcntl(r, fcntl.F_SETOWN, os.getppid() or 1)
"""),
    "ptrace": ({X}, """
import ctypes, os
if ctypes.CDLL(None).ptrace(16, os.getppid() or 1, 0, 0) < 0:
    raise PermissionError
"""),
    "reads its parent's memory": ({X}, "import os\nopen(f'/proc/{os.getppid() or 1}/mem', 'rb')"),
    "new namespaces": ({X}, """
import ctypes
if ctypes.CDLL(None).unshare(0x10000000) < 0:
    raise PermissionError
"""),
    "mounts": ({X}, """
import ctypes
if ctypes.CDLL(None).mount(b'tmpfs', b'/tmp', b'tmpfs', 0, None) < 0:
    raise PermissionError
"""),
    "chroot": ({X}, "import os\nos.chroot('/tmp')"),
    "becomes root": ({X, W}, "import os\nos.setuid(0)\nos.seteuid(0)\nopen('OUTSIDE/new', 'w')"),
    "raises its limits": ({X}, """
import resource
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)
"""),
    "lives on without its parent": ({X}, """
import ctypes
if ctypes.CDLL(None).prctl(1, 0, 0, 0, 0) < 0:
    raise PermissionError
"""),
    "io_uring, bpf, userfaultfd": ({X}, """
import ctypes
libc = ctypes.CDLL(None)
if all(libc.syscall(number, 1, 0, 0, 0, 0) < 0 for number in (425, 321, 323, 298, 319)):
    raise PermissionError
"""),
    "System V shared memory": ({X}, """
import ctypes
if ctypes.CDLL(None).shmget(7, 1 << 20, 0o1666) < 0:
    raise PermissionError
"""),
    "32 bit calls": ({X, E}, """
import ctypes, mmap
code = bytes.fromhex('b814000000cd80c3')  # mov eax, 20 (getpid of i386); int 0x80; ret
page = mmap.mmap(-1, 4096, prot=7)
page.write(code)
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
ctypes.CFUNCTYPE(ctypes.c_int)(address)()
"""),
    "state for the next program": ({X, W}, """
import builtins, os, sys, tempfile
builtins.f = lambda x: 1
sys.modules['math'] = None
try:
    open('/tmp/left', 'x').write('mine')
except FileExistsError:
    while True:
        pass
def f(x):
    return 0
"""),
})  # fmt: skip

RESOURCES = attacks("resources", {
    "memory at once": ({MEM}, "x = bytearray(8 << 30)"),
    "memory in lists": ({MEM, T}, "x = [0]\nwhile True:\n    x += x"),
    "memory in strings": ({MEM, T}, "x = 'a'\nwhile True:\n    x += x"),
    "memory by mmap": ({X, MEM}, "import mmap\nx = [mmap.mmap(-1, 1 << 29) for _ in range(99)]"),
    "a file without end": ({X}, """
with open('big', 'wb') as out:
    while True:
        out.write(bytes(1 << 20))
"""),
    "many files": ({X, T}, """
for number in range(10 ** 6):
    with open(f'file{number}', 'w') as out:
        out.write('x')
"""),
    "a disk of directories": ({X, T}, """
import os
while True:
    os.mkdir('deeper')
    os.chdir('deeper')
"""),
    "descriptors": ({X}, "import os\nx = [os.pipe() for _ in range(10 ** 6)]"),
    "threads": ({X, MEM, T}, """
import threading, time
threading.stack_size(32768)
while True:
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
"""),
    "null pointer": ({E}, "import ctypes\nctypes.string_at(0)"),
    "abort": ({E}, "import os\nos.abort()"),
    "C stack": ({E, X, MEM}, """
import sys
sys.setrecursionlimit(10 ** 9)
class A:
    def __getattr__(self, name):
        return repr(self)
    def __repr__(self):
        return str(self.x) + repr(self)
def f(x):
    return repr(A())
"""),
    "output without end": ({T, X}, "while True:\n    print('x' * 10 ** 6)"),
    "deep return": ({L}, """
def f(x):
    value = []
    for _ in range(10 ** 5):
        value = [value]
    return value
"""),
    "cyclic return": ({L}, "def f(x):\n    value = []\n    value.append(value)\n    return value"),
    "huge return": ({L, MEM}, "def f(x):\n    return 'x' * (100 << 20)"),
    "long return": ({L, MEM, T}, "def f(x):\n    return list(range(10 ** 7))"),
    "huge integer": ({L, MEM}, "def f(x):\n    return 1 << (1 << 30)"),
    "a return that grows": ({L, T}, """
class Grow(list):
    pass
def f(x):
    value = Grow([1])
    value += [value] * 1000
    return value
"""),
    "RecursionError": ({X}, "def f(x):\n    return f(x)"),
})  # fmt: skip

PARSER = attacks("parser", {
    "not Python": ({S}, "def f(x:"),
    "empty": ({X}, ""),
    "NUL byte": ({S}, "def f(x):\n    return 8\0"),
    "lone surrogate": ({S}, "x = '\ud800'"),
    "parentheses": ({S, MEM, E}, "x = " + "(" * 100_000),
    "minus signs": ({S, MEM, E}, "x = " + "-" * 200_000 + "1"),
    "nested lists": ({S, MEM, E}, "x = " + "[" * 5000 + "]" * 5000),
    "deep attribute": ({S, MEM, E, X}, "x = a" + ".a" * 100_000),
    "constant folding": ({S, MEM, T, X, L}, "x = ((1 << 100) ** 100) ** 100 ** 100"),
    "unknown encoding": ({S, X}, "# -*- coding: nonsense -*-\nraise ValueError"),
    "wrong indentation": ({S}, "def f(x):\nreturn 1"),
    "return outside": ({S}, "return 8"),
    "future import": ({X}, "from __future__ import annotations\nraise ValueError"),
})  # fmt: skip
