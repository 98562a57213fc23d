"""Attacks on what a program shares with the harness and with other programs. See ``attacks``."""

from __future__ import annotations

from attacks import MEM, E, M, S, T, W, X, attacks

# The reply channel, and what lies around it: one program's misbehaviour is that program's verdict.
CHANNEL = attacks("channel", {
    "drained through /proc": ({E, X}, """
import os
reader = os.open('/proc/self/fd/3', os.O_RDONLY)
os.read(reader, 1 << 16)
os._exit(0)
"""),
    "drained through /dev/fd": ({E, X}, """
import os
for name in ('/dev/fd/3', '/proc/thread-self/fd/3', f'/proc/{os.getpid()}/fd/3'):
    try:
        print(open(name, 'rb').read(100))
    except OSError:
        pass
os._exit(0)
"""),
    "read from its own end": ({T, M, E, X}, """
import fcntl, os
fcntl.fcntl(3, fcntl.F_SETFL, os.O_NONBLOCK)
try:
    os.read(3, 100)
finally:
    os._exit(0)
"""),
    "received and peeked": ({E, X}, """
import ctypes, os
libc = ctypes.CDLL(None)
buffer = ctypes.create_string_buffer(100)
for flags in (0x40, 0x42, 0x20 | 0x40):  # MSG_DONTWAIT, MSG_PEEK, MSG_TRUNC
    libc.recv(3, buffer, 100, flags)
os._exit(0)
"""),
    "shut down": ({E, X, M}, """
import ctypes, os
ctypes.CDLL(None).shutdown(3, 2)
def f(x):
    return 8
"""),
    "the harness's process through the socket": ({X, E}, """
import ctypes, os, struct
libc = ctypes.CDLL(None, use_errno=True)
credentials, size = ctypes.create_string_buffer(12), ctypes.c_int(12)
libc.getsockopt(3, 1, 17, credentials, ctypes.byref(size))  # SO_PEERCRED
pid = struct.unpack('iii', credentials.raw)[0]
descriptor, size = ctypes.c_int(-1), ctypes.c_int(4)
libc.getsockopt(3, 1, 77, ctypes.byref(descriptor), ctypes.byref(size))  # SO_PEERPIDFD
assert libc.syscall(424, descriptor.value, 9, None, 0) < 0  # pidfd_send_signal
os.kill(pid or os.getppid(), 9)
"""),
    "descriptors sent through it": ({X, W}, """
import array, socket
end = socket.socket(fileno=3)
end.sendmsg([b'x'], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array('i', [0, 1, 2]))])
"""),
    "urgent byte": ({X, M}, """
import ctypes
assert ctypes.CDLL(None).send(3, b'x', 1, 1) > 0
raise ValueError
"""),
    "stops answering and keeps the channel": ({T}, """
import os, time
while True:
    time.sleep(0.001)
"""),
    "main thread leaves alone": ({T, E, X, W}, """
import ctypes, threading, time
threading.Thread(target=time.sleep, args=(1000,)).start()
ctypes.CDLL(None).syscall(60, 0)
"""),
    "a reply of every kind of nonsense": ({M, X}, """
import os
for text in (b'', b'null', b'[]', b'[[]]', b'["value"]', b'["value",null]', b'["exception",["x"]]', b'{"a":1}'):
    os.write(3, len(text).to_bytes(4, 'big') + text)
def f(x):
    return 0
"""),
    "as if it had never been contained": ({M, X, E}, """
import os
os.write(3, b'\\0\\0\\0\\x09["ready"]' * 3)
os._exit(1)
"""),
    "built arguments where a value belongs": ({M, S}, """
import os
text = b'["arguments"]'
os.write(3, len(text).to_bytes(4, 'big') + text)
def f(x):
    return 0
"""),
})  # fmt: skip

# Marks that one program could leave for another, or for the machine.
MARKS = attacks("marks", {
    "modes of what is not its own": ({X}, """
import os
changed = 0
for path in (os.__file__, '/', '/usr', '/dev/null', 'OUTSIDE/treasure', os.path.dirname(os.__file__)):
    try:
        os.chmod(path, 0o777)
        changed += 1
    except OSError:
        pass
assert changed
"""),
    "times of what is not its own": ({X}, """
import os
changed = 0
for path in (os.__file__, '/', '/dev/null', 'OUTSIDE/treasure'):
    try:
        os.utime(path, (1, 1))
        changed += 1
    except OSError:
        pass
assert changed
"""),
    "hard links to the library": ({X}, """
import os
os.link(os.__file__, 'mine')
open('mine', 'a').write('# mine')
"""),
    "set-user-id file": ({X}, """
import os
with open('tool', 'wb') as out:
    out.write(b'#!/bin/sh')
os.chmod('tool', 0o6777)
os.execv('tool', ['tool'])
"""),
    "extended attributes": ({X}, """
import os
os.setxattr(os.__file__, 'user.mine', b'8')
"""),
    "truncates the library": ({X}, "import os\nos.truncate(os.__file__, 0)"),
    "special files": ({X}, """
import os, stat
os.mkfifo('pipe')
os.mknod('disk', 0o600 | stat.S_IFBLK, os.makedev(8, 0))
"""),
    "shared memory by name": ({X, E, W}, """
import os
for name in ('/dev/shm/mark', '/run/shm/mark', '/var/tmp/mark', '/run/mark', '/dev/mqueue/mark'):
    try:
        with open(name, 'x') as out:
            out.write('x')
    except FileExistsError:
        while True:
            pass
    except OSError:
        pass
def f(x):
    return 0
"""),
    "message queue": ({X}, """
import ctypes
if ctypes.CDLL(None).syscall(240, b'mark', 0o102, 0o600, None) < 0:
    raise PermissionError
"""),
    "the scratch directory closed": ({X, W}, """
import os
os.chmod('.', 0)
os.utime('.', (1, 1))
def f(x):
    return 0
"""),
    "the scratch directory renamed": ({X}, "import os\nos.rename('/tmp', '/gone')\nos.rmdir('/tmp')"),
    "kernel keys": ({X}, """
import ctypes
if ctypes.CDLL(None).syscall(248, b'user', b'mark', b'8', 1, -4) < 0:
    raise PermissionError
"""),
    "write through a library's page": ({X, E}, """
import ctypes, mmap, os
with open(os.__file__, 'rb') as source:
    page = mmap.mmap(source.fileno(), 0, prot=mmap.PROT_READ)
    address = 0
    libc = ctypes.CDLL(None)
    libc.mprotect(ctypes.c_void_p(id(page) & ~4095), 4096, 7)
    page[0] = 0
"""),
    "open to write the zygote's memory": ({X}, """
import os
for pid in ('self', str(os.getppid() or 1), '1', '2'):
    try:
        with open(f'/proc/{pid}/mem', 'r+b') as memory:
            os._exit(0)
    except OSError as error:
        last = error
raise last
"""),
    "everything below /proc/self": ({X, W}, """
import os
def f(x):
    found = []
    for name in ('root', 'cwd', 'task', 'map_files', 'ns', 'environ', 'attr'):
        try:
            found += os.listdir(f'/proc/self/{name}')
        except OSError:
            pass
    for number in found:
        open(number)
    raise LookupError
"""),
    "oom score": ({X}, "open('/proc/self/oom_score_adj', 'w').write('-1000')"),
    "priority": ({X}, "import os\nos.setpriority(os.PRIO_PROCESS, 0, -20)"),
    "real time": ({X}, "import os\nos.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))"),
    "all cores": ({X}, "import os\nos.sched_setaffinity(0, {0})"),
    "locks all memory": ({X, MEM}, """
import ctypes
if ctypes.CDLL(None).mlockall(3) < 0:
    raise PermissionError
"""),
    "clock": ({X}, "import time\ntime.clock_settime(time.CLOCK_REALTIME, 0)"),
    "host name": ({X}, "import socket\nsocket.sethostname('mine')"),
    "timers of the kernel": ({X}, """
import ctypes
if ctypes.CDLL(None).syscall(222, 0, None, None) < 0 and ctypes.CDLL(None).syscall(283, 0, 0) < 0:
    raise PermissionError
"""),
    "perf, fanotify, inotify": ({X}, """
import ctypes
if all(ctypes.CDLL(None).syscall(n, 0, 0, 0, 0, 0) < 0 for n in (298, 300, 253, 294)):
    raise PermissionError
"""),
    "vfork by hand": ({X}, """
import ctypes
if ctypes.CDLL(None).syscall(58) < 0:
    raise PermissionError
"""),
    "a namespace by clone3": ({X}, """
import ctypes
if ctypes.CDLL(None).syscall(435, (ctypes.c_uint64 * 11)(0x10000000, 0, 0, 0, 17), 88) < 0:
    raise PermissionError
"""),
    "leaves its landlock": ({X}, """
import ctypes
libc = ctypes.CDLL(None)
if libc.syscall(444, None, 0, 1) < 0 and libc.syscall(308, 0, 0) < 0:
    raise PermissionError
"""),
    "old system calls": ({X, E}, """
import ctypes
libc = ctypes.CDLL(None)
numbers = (134, 139, 153, 154, 156, 163, 169, 172, 173, 175, 176, 246, 250, 304, 310, 311, 312, 321)
made = [n for n in (*numbers, 428, 438, 440, 447, 448, 451) if libc.syscall(n, 0, 0, 0, 0, 0) >= 0]
if not made:
    raise PermissionError
"""),
    "x32 calls": ({X, E}, """
import ctypes
if ctypes.CDLL(None).syscall(0x40000000 | 57) < 0:
    raise PermissionError
"""),
})  # fmt: skip
