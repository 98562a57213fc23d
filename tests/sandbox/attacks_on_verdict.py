"""Attacks on the verdict: passing by leaving, by lying objects, by odd exceptions."""

from __future__ import annotations

from attacks import E, W, X, attacks

LIES = attacks("verdict", {
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
})  # fmt: skip
