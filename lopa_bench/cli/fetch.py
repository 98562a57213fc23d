"""``lopa-bench fetch [task …]``. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from lopa_bench import tasks
from lopa_bench.config.files import choices, read
from lopa_bench.config.nearest import nearest
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host import network
from lopa_bench.host.files import write_bytes
from lopa_bench.tasks.rows import split_slice

ORIGIN = "https://raw.githubusercontent.com"
WORK = ".fetch"  # below data.dir: what is on its way
USAGE = """\
usage: lopa-bench fetch [task …] [data.dir=data] [mirror=URL[,URL]] [offline=true]

Downloads what tasks read with data.source=files (all tasks, or those named) into data.dir. Files that are there and whole are left
alone; one that was cut off is resumed. A mirror is tried before the origin and has the same paths: owner/repository/commit/path.
offline=true only says what is missing.
"""


SOURCES = Path(tasks.__file__).parent / "fetch" / "sources.yaml"


@cache
def sources() -> dict[str, dict[str, Any]]:
    """File below data.dir -> its SHA-256 and where it comes from (sources.yaml)."""
    return yaml.safe_load(SOURCES.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def files_of(task: str) -> list[str]:
    """The files that fetch brings for a task: of each split's candidates the first that there is a source of."""
    content = read(f"task/{task}")
    found = []
    for candidates in content["files"].values():
        names = [split_slice(name)[0] for name in candidates]
        found += [name for name in names if name in sources()][:1]
    return list(dict.fromkeys(found))


def main(argv: Sequence[str]) -> int:
    """0 when all files are there, 1 when one could not be had, 2 on bad input or, offline, when one is missing."""
    if {"-h", "--help"} & set(argv):
        print(USAGE, end="")
        return 0
    tasks, given = _parsed(argv)
    folder = Path(given.get("data.dir", "data")).expanduser()
    origins = [*filter(None, given.get("mirror", "").split(",")), ORIGIN]
    wanted = list(dict.fromkeys(name for task in tasks for name in files_of(task)))
    missing = [name for name in wanted if not _is_there(folder / name, sources()[name]["sha256"])]
    if missing and (network.switch() or given.get("offline") == "true"):
        raise UserError(
            f"data.dir={folder}: {', '.join(missing)} missing; and {network.reason()}, so nothing is fetched"
        )
    for name in missing:
        print(f"fetching {name}", flush=True)
        fetch(name, folder, origins)
    for name in wanted:
        if note := sources()[name].get("note"):
            print(f"{name}: {note}")
    print(f"{folder}: {len(wanted)} files for {', '.join(tasks)}, {len(missing)} of them fetched now")
    print(f"use them: lopa-bench task={tasks[0]} data.source=files data.dir={folder}")
    return 0


def fetch(name: str, folder: Path, origins: Sequence[str]) -> None:
    """Bring one file of `sources` into `folder`, by one process at a time.

    Raises:
        RunFailed: it cannot be had, or what has come is not the file.
    """
    from lopa_bench.tasks.fetch.derive import HOW
    from lopa_bench.tasks.fetch.download import download, sha256

    source, target = sources()[name], folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / WORK).mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"data.dir={folder} cannot be written ({error.strerror})") from error
    with FileLock(folder / WORK / "lock"):
        if _is_there(target, source["sha256"]):
            return  # another process has brought it
        parts = [folder / WORK / f"{digest[:12]}-{Path(path).name}" for path, digest in source["from"].items()]
        for part, (path, digest) in zip(parts, source["from"].items(), strict=True):
            if not (part.is_file() and sha256(part) == digest):
                download([f"{origin.rstrip('/')}/{path}" for origin in origins], digest, part)
        made = HOW[source["derive"]](*(p.read_bytes() for p in parts)) if "derive" in source else parts[0].read_bytes()
        write_bytes(target, made)
        if sha256(target) != source["sha256"]:
            target.unlink()
            raise RunFailed(f"{name}: what was made from {', '.join(source['from'])} is not the file that it should be")
        for part in parts:
            part.unlink()


def _is_there(path: Path, expected: str) -> bool:
    """Whether the file is there and whole.

    Raises:
        UserError: another file lies in its place; it may be the user's own, so it is neither taken nor replaced.
    """
    from lopa_bench.tasks.fetch.download import sha256

    if not path.exists():
        return False
    if (found := sha256(path)) == expected:
        return True
    raise UserError(
        f"{path} is another file than fetch brings, or a part of it ({path.stat().st_size:,} bytes, SHA-256 {found[:12]}…, "
        f"not {expected[:12]}…); move it away, or name another data.dir"
    )


def _parsed(argv: Sequence[str]) -> tuple[list[str], Mapping[str, str]]:
    tasks = [word for word in argv if "=" not in word]
    given = dict(word.split("=", 1) for word in argv if "=" in word)
    known = ["data.dir", "mirror", "offline"]
    for key in given:
        if key not in known:
            raise UserError(f"fetch {key}=: there is no such key; nearest: {nearest(key, known)}=…")
    for task in tasks:
        if task not in choices("task"):
            raise UserError(f"fetch {task}: there is no such task; nearest: {nearest(task, choices('task'))}")
    if given.get("offline", "false") not in ("true", "false"):
        raise UserError(f"offline={given['offline']} is not true or false")
    return tasks or choices("task"), given
