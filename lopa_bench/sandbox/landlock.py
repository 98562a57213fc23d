"""Landlock: the kernel refuses every path that is not on the list, whoever owns the file.

Source: Linux ``Documentation/userspace-api/landlock.rst``. It needs no privilege, holds for the
process that asked and for its children, and cannot be undone.
"""

from __future__ import annotations

import ctypes
import os

from . import linux
from .interpreter import View

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 1, 1 << 2, 1 << 3
_REMOVE_DIR, _REMOVE_FILE, _MAKE_DIR, _MAKE_REG, _MAKE_SYM = 1 << 4, 1 << 5, 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEV = 1 << 13, 1 << 14, 1 << 15

_READ = _READ_FILE | _READ_DIR
_WRITE = _WRITE_FILE | _TRUNCATE
_TREE = _READ | _WRITE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REG | _MAKE_SYM | _REFER
_FILE_RIGHTS = _EXECUTE | _READ_FILE | _WRITE | _IOCTL_DEV  # the only ones a file can be given


def abi() -> int:
    """The kernel's Landlock version, 0 where it has none or has it switched off at boot."""
    try:
        return linux.syscall("landlock", linux.SYS_LANDLOCK_CREATE, None, 0, 1)
    except OSError:
        return 0


def _handled(version: int) -> int:
    """Every access right that version knows: a right that is not handled stays allowed."""
    rights = (1 << 13) - 1
    if version >= 2:
        rights |= _REFER
    if version >= 3:
        rights |= _TRUNCATE
    if version >= 5:
        rights |= _IOCTL_DEV
    return rights


def ruleset(view: View, scratch: str | None) -> int:
    """A ruleset, as a descriptor: reading what is in ``view``, everything beneath ``scratch``.

    And the null device. Later versions also refuse TCP (4) and, towards processes outside, signals
    and abstract sockets (6).

    Raises:
        OSError: the kernel refused; nothing may run then.
    """
    version = abi()
    handled = _handled(version)
    tcp = 0b11 if version >= 4 else 0
    scopes = 0b11 if version >= 6 else 0
    attributes = (ctypes.c_uint64 * 3)(handled, tcp, scopes)
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = linux.syscall("landlock", linux.SYS_LANDLOCK_CREATE, attributes, size, 0)
    for path in (*view.whole, "/dev/zero", "/dev/random", "/dev/urandom"):
        _allow(rules, path, _READ & handled)
    for path in view.listed:
        _allow(rules, path, _READ_DIR & handled)
    _allow(rules, os.devnull, (_READ | _WRITE) & handled)
    if scratch is not None:
        _allow(rules, scratch, _TREE & handled)
    return rules


def prepared(rules: int) -> linux.Call:
    """Binds a process and its children, for good; it must have ``no_new_privs``."""
    return linux.prepared_syscall(linux.SYS_LANDLOCK_RESTRICT, rules, 0)


def _allow(rules: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return  # nothing there, nothing to allow
    try:
        if not os.path.isdir(path):
            rights &= _FILE_RIGHTS
        # struct landlock_path_beneath_attr is packed: u64 rights, s32 descriptor.
        rule = rights.to_bytes(8, "little") + descriptor.to_bytes(4, "little", signed=True)
        linux.syscall("landlock", linux.SYS_LANDLOCK_ADD, rules, 1, ctypes.c_char_p(rule), 0)
    finally:
        os.close(descriptor)
