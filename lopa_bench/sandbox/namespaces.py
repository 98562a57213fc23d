"""A wall of namespaces: a root of a few read-only directories, no network, no other processes.

The zygote enters it once (``enter``), as root or as a normal user, and every program then gets a
process namespace of its own (``Inside.fork``) and a clean scratch directory.
Sources: user_namespaces(7), mount_namespaces(7), pid_namespaces(7); the pivot is bubblewrap's.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys

from . import interpreter, linux
from .interpreter import View

SCRATCH = "/tmp"
START = "/tmp/program"  # where programs start: empty, whatever else has to lie beneath SCRATCH
# For what has no other place: an interpreter that lies beneath SCRATCH, to be mounted there anew with
# each of them; behind bubblewrap, where the zygote starts, its code.
ASIDE = "/sandbox"
_OLD_ROOT = "/old"
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom")
_RDONLY, _NOSUID, _NODEV = 1, 2, 4  # MOUNT_ATTR_*


def nobody() -> int:
    """A user that owns nothing, one for each zygote.

    From the range systemd hands to its dynamic users, which nothing else is given; below 65536, so
    that a container's own user mapping has it.
    """
    return 61184 + os.getpid() % 4336


def become(user: int) -> None:
    """Give up root for good."""
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)


def enter(view: View) -> Inside:
    """Put this process behind the wall; returns in the first process of a new process namespace.

    Root builds the new root directory with its real privileges (it may see what others may not,
    such as an interpreter beneath ``/root``), then gives them up; a normal user first takes a
    user namespace and builds it with the privileges it has in there.

    Raises:
        OSError: this kernel, or the container around, does not allow it.
    """
    rooted = os.geteuid() == 0
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY)  # to be reached when the root is replaced
    if rooted:
        linux.unshare(linux.CLONE_NEWNS)
        _build_root(view)
        if interpreter.readable_by_others(map(_place, view.paths), through_parents=False):
            become(nobody())
    user, group = os.geteuid(), os.getegid()
    linux.prctl(linux.PR_SET_DUMPABLE, 1)  # else /proc/self belongs to root, the maps below too
    linux.unshare(
        linux.CLONE_NEWUSER
        | linux.CLONE_NEWNS
        | linux.CLONE_NEWPID
        | linux.CLONE_NEWNET
        | linux.CLONE_NEWIPC
        | linux.CLONE_NEWUTS
    )
    _write("self/setgroups", "deny", proc)
    _write("self/uid_map", f"{user} {user} 1", proc)
    _write("self/gid_map", f"{group} {group} 1", proc)
    if not rooted:
        _build_root(view)
    _become_first_process()
    own_namespace = os.open("self/ns/pid", os.O_RDONLY, dir_fd=proc)
    os.close(proc)
    return Inside(own_namespace, [path for path in view.paths if interpreter.beneath(path, SCRATCH)])


def _write(name: str, text: str, directory: int) -> None:
    descriptor = os.open(name, os.O_WRONLY, dir_fd=directory)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def _build_root(view: View) -> None:
    """Replace ``/`` by an empty, then read-only, tmpfs with what is in ``view`` bound into it."""
    sources = [(os.path.realpath(path), path) for path in (*view.paths, *_DEVICES)]
    linux.mount("none", "/", None, linux.MS_REC | linux.MS_PRIVATE)
    linux.mount("tmpfs", SCRATCH, "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "size=1m,mode=0755")
    os.mkdir(SCRATCH + _OLD_ROOT)
    linux.pivot_root(SCRATCH, SCRATCH + _OLD_ROOT)
    os.chdir("/")
    for source, path in sources:
        _bind(_OLD_ROOT + source, _place(path), device=path in _DEVICES)
    for path in map(_place, view.hidden):
        if os.path.isdir(path):
            linux.mount("tmpfs", path, "tmpfs", linux.MS_RDONLY | linux.MS_NOSUID | linux.MS_NODEV, "size=4k,mode=0555")
        else:
            linux.mount("/dev/null", path, None, linux.MS_BIND)
    os.symlink(SCRATCH, "/dev/shm")  # for semaphores, which threads share as processes would
    os.makedirs(SCRATCH, exist_ok=True)
    linux.unmount(_OLD_ROOT)
    os.rmdir(_OLD_ROOT)
    linux.set_mount_attributes("/", _RDONLY | _NOSUID | _NODEV, recursive=False)


def _place(path: str) -> str:
    """Where ``path`` is bound: beneath the scratch directory only a copy of it is to be seen."""
    return ASIDE + path if interpreter.beneath(path, SCRATCH) else path


def _bind(source: str, path: str, *, device: bool) -> None:
    _make_mount_point(source, path)
    linux.mount(source, path, None, linux.MS_BIND | linux.MS_REC)
    restrictions = _NOSUID if device else _RDONLY | _NOSUID | _NODEV
    linux.set_mount_attributes(path, restrictions, recursive=True)


def _make_mount_point(source: str, path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.isdir(source):
        os.makedirs(path, exist_ok=True)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o644))


def _become_first_process() -> None:
    """Fork; go on in the child, process 1 of the new namespace, while the parent waits for it.

    The kernel kills a whole process namespace with its first process, and that one with its
    parent: there is no way out of the line from the driver down to a program.
    """
    parent_alive, held_by_parent = os.pipe()
    linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)  # the new identity has cleared it
    child = os.fork()
    if child:
        os.close(parent_alive)
        os.closerange(3, held_by_parent)  # the control socket above all: its end tells the driver
        os.closerange(held_by_parent + 1, 256)
        _, status = os.waitpid(child, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    os.close(held_by_parent)
    linux.die_with_parent(parent_alive)


class Inside:
    """Behind the wall: forks each program as process 1 of its own namespace.

    ``stashed``: the paths of the view that lie beneath the scratch directory.
    """

    def __init__(self, own_namespace: int, stashed: list[str]) -> None:
        self._stashed = stashed
        self._mount_scratch()
        self._leave = linux.prepared_unshare(linux.CLONE_NEWPID)
        self._return = linux.prepared_setns(own_namespace, linux.CLONE_NEWPID)

    def clean_scratch(self) -> bool:
        """Mount a new scratch directory, unless the old one was left untouched."""
        with contextlib.suppress(OSError):  # a program may take away what it began in
            if self._state() == self._clean:
                return False
        linux.unmount(SCRATCH)
        self._mount_scratch()
        return True

    def _mount_scratch(self) -> None:
        flags = linux.MS_NOSUID | linux.MS_NODEV | linux.MS_NOATIME
        linux.mount("tmpfs", SCRATCH, "tmpfs", flags, "size=32m,nr_inodes=4096,mode=0700")
        os.mkdir(START)
        self._directories = {SCRATCH, START}
        for path in self._stashed:
            _make_mount_point(ASIDE + path, path)
            linux.mount(ASIDE + path, path, None, linux.MS_BIND | linux.MS_REC)
            self._directories |= {
                folder for folder in interpreter.parents(path) if interpreter.beneath(folder, SCRATCH)
            }
        os.chdir(START)
        self._clean = self._state()

    def _state(self) -> list[int]:
        """What changes with anything that a program may leave: times say that something came and went."""
        usage = os.statvfs(SCRATCH)
        return [usage.f_files - usage.f_ffree, *(os.stat(path).st_ctime_ns for path in self._directories)]

    def fork(self) -> int:
        """Like ``os.fork``."""
        linux.make(self._leave, "unshare")  # for the next child only ...
        child = os.fork()
        if child:
            linux.make(self._return, "setns")  # ... so that this can be done again
        return child


def bubblewrap(program: str, view: View) -> list[str]:
    """The same wall made by an installed bubblewrap, for hosts that trust only it with one.

    It keeps no capability inside, so programs share its process namespace (seccomp refuses them
    fork and signals) and there is no scratch directory to reset.
    """
    command = [program, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--ro-bind", os.path.dirname(os.path.abspath(__file__)), ASIDE]
    started_with = (os.path.realpath(sys.executable), sys.executable, os.path.join(sys.prefix, "pyvenv.cfg"))
    for path in (*view.paths, *filter(os.path.exists, started_with)):
        command += ["--ro-bind", path, path]
    for path in view.hidden:
        command += ["--tmpfs", path] if os.path.isdir(path) else ["--ro-bind", "/dev/null", path]
    for path in ("/", "/dev", *filter(os.path.isdir, view.hidden)):
        command += ["--remount-ro", path]
    return [*command, "--chdir", "/", "--"]
