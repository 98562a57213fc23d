"""Honest programs that write files. Every one must pass where a program has a directory of its own."""

from __future__ import annotations

WITH_SCRATCH: dict[str, tuple[str, tuple[str, ...]]] = {
    "files copied": ("""
import os, shutil
def f(x):
    open('a', 'w').write('hello')
    os.chmod('a', 0o640)
    shutil.copy('a', 'b')
    os.utime('a', (1, 2))
    shutil.copy2('a', 'c')
    return [oct(os.stat('b').st_mode & 0o777), open('b').read(), os.stat('c').st_mtime]
""", ("assert f(1) == ['0o640', 'hello', 2.0]",)),
    "a library's file copied": ("""
import os, shutil
def f(x):
    return open(shutil.copy(os.__file__, '.')).read() == open(os.__file__).read()
""", ("assert f(1) == True",)),
    "trees copied and moved": ("""
import os, shutil
def f(x):
    os.makedirs('tree/branch')
    open('tree/branch/leaf', 'w').write('green')
    shutil.copytree('tree', 'other')
    shutil.move('other', 'third')
    shutil.rmtree('tree')
    return sorted(os.listdir()), open('third/branch/leaf').read()
""", ("assert f(1) == (['third'], 'green')",)),
    "touched, linked, truncated": ("""
import os, pathlib
def f(x):
    path = pathlib.Path('t')
    path.touch()
    path.touch()
    path.write_text('hello')
    os.link('t', 'u')
    os.symlink('t', 'v')
    os.truncate('u', 2)
    return path.read_text(), pathlib.Path('v').read_text(), os.stat('t').st_nlink
""", ("assert f(1) == ('he', 'he', 2)",)),
    "archives": ("""
import os, shutil
def f(kind):
    os.makedirs('in', exist_ok=True)
    open('in/a', 'w').write('a')
    shutil.unpack_archive(shutil.make_archive(kind, kind, 'in'), f'out-{kind}')
    return open(f'out-{kind}/a').read()
""", ("assert f('gztar') == 'a'", "assert f('zip') == 'a'")),
    "a thread pool of multiprocessing": ("""
from multiprocessing.pool import ThreadPool
def f(xs):
    with ThreadPool(4) as pool:
        return pool.map(lambda x: x * x, xs)
""", ("assert f(range(5)) == [0, 1, 4, 9, 16]",)),
    "multiprocessing.dummy": ("""
from multiprocessing.dummy import Pool
def f(xs):
    pool = Pool(3)
    found = pool.map(str, xs)
    pool.close()
    pool.join()
    return found
""", ("assert f([1, 2]) == ['1', '2']",)),
    "locks, events and queues of multiprocessing": ("""
import multiprocessing
def f(x):
    simple, full = multiprocessing.SimpleQueue(), multiprocessing.Queue()
    simple.put([1])
    full.put(5)
    value, event = multiprocessing.Value('i', 3), multiprocessing.Event()
    with multiprocessing.RLock(), value.get_lock():
        value.value += 1
    event.set()
    return simple.get(), full.get(), value.value, event.is_set()
""", ("assert f(1) == ([1], 5, 4, True)",)),
    "a database in a file": ("""
import sqlite3
def f(x):
    with sqlite3.connect('x.db') as database:
        database.execute('create table t(a)')
        database.execute('insert into t values(1)')
    return sqlite3.connect('x.db').execute('select * from t').fetchall()
""", ("assert f(1) == [(1,)]",)),
    "a shelf": ("""
import shelve
def f(x):
    with shelve.open('shelf') as shelf:
        shelf['a'] = 1
    with shelve.open('shelf') as shelf:
        return dict(shelf)
""", ("assert f(1) == {'a': 1}",)),
    "file locks": ("""
import fcntl
def f(x):
    with open('lock', 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.lockf(file, fcntl.LOCK_UN)
        fcntl.flock(file, fcntl.LOCK_UN)
    return x
""", ("assert f(1) == 1",)),
    "a mapped file": ("""
import mmap
def f(x):
    open('m', 'wb').write(bytes(10))
    with open('m', 'r+b') as file, mmap.mmap(file.fileno(), 10) as mapped:
        mapped[0] = x
        mapped.flush()
    return open('m', 'rb').read()[0]
""", ("assert f(5) == 5",)),
    "temporary files": ("""
import tempfile
def f(x):
    with tempfile.NamedTemporaryFile('w+') as named, tempfile.TemporaryDirectory() as folder:
        with tempfile.SpooledTemporaryFile(2) as spooled, tempfile.TemporaryFile(dir=folder) as unnamed:
            spooled.write(b'abcdef')
            unnamed.write(b'x')
            named.write(x)
            named.flush()
            return open(named.name).read()
""", ("assert f('q') == 'q'",)),
    "a log file": ("""
import logging
def f(x):
    logging.basicConfig(filename='log', format='%(message)s')
    logging.warning(x)
    logging.shutdown()
    return open('log').read()
""", ("assert f('careful') == 'careful\\n'",)),
}  # fmt: skip
