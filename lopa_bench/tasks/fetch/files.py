"""The data files that tasks read: which they are, whether they are there and whole, and bringing them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from lopa_bench.config.files import choices, read
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.files import sha256, write_bytes
from lopa_bench.tasks.places import split_slice

ORIGIN = "https://raw.githubusercontent.com"
WORK = ".fetch"  # below data.dir: what is on its way
SOURCES = Path(__file__).parent / "sources.yaml"


@cache
def sources() -> dict[str, dict[str, Any]]:
    """File below data.dir -> its SHA-256 and where it comes from (sources.yaml)."""
    return yaml.safe_load(SOURCES.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def tasks() -> list[str]:
    """The tasks whose files can be brought: all but those that are about the user's own."""
    return [task for task in choices("task") if files_of(task)]


def files_of(task: str) -> list[str]:
    """The files that fetch brings for a task: of each split's candidates the first that there is a source of."""
    found = []
    for candidates in read(f"task/{task}")["files"].values():
        names = [split_slice(name)[0] for name in candidates]
        found += [name for name in names if name in sources()][:1]
    return list(dict.fromkeys(found))


def fetch(name: str, folder: Path, origins: Sequence[str]) -> None:
    """Bring one file of `sources` into `folder`, by one process at a time.

    Raises:
        RunFailed: it cannot be had, or what has come is not the file.
    """
    source, target = sources()[name], folder / name
    try:
        with _workplace(folder) as work, FileLock(work / "lock"):
            if not is_there(target, source["sha256"]):  # else another process has brought it
                _bring(name, source, target, work, origins)
    except (OSError, ValueError) as error:  # ValueError: a name that no folder can have
        raise UserError(f"data.dir={folder} cannot be written ({getattr(error, 'strerror', None) or error})") from error


@contextmanager
def _workplace(folder: Path) -> Iterator[Path]:
    """The folder for what is on its way. If that comes to nothing, the folders that were made for it are gone again."""
    work = folder / WORK
    made = [path for path in (work, *work.parents) if not os.path.lexists(path)]
    work.mkdir(parents=True, exist_ok=True)
    try:
        yield work
    except BaseException:
        if [path.name for path in work.iterdir()] == ["lock"]:
            (work / "lock").unlink()
        with suppress(OSError):  # something lies in it
            for path in made:
                path.rmdir()
        raise


def _bring(name: str, source: Mapping[str, Any], target: Path, work: Path, origins: Sequence[str]) -> None:
    from lopa_bench.tasks.fetch.derive import HOW
    from lopa_bench.tasks.fetch.download import download

    sizes = source.get("bytes", [None] * len(source["from"]))
    parts = [work / f"{digest[:12]}-{Path(path).name}" for path, digest in source["from"].items()]
    for part, size, (path, digest) in zip(parts, sizes, source["from"].items(), strict=True):
        if not (part.is_file() and sha256(part) == digest):
            download([f"{origin.rstrip('/')}/{path}" for origin in origins], digest, part, size)
    made = HOW[source["derive"]](*(p.read_bytes() for p in parts)) if "derive" in source else parts[0].read_bytes()
    target.parent.mkdir(parents=True, exist_ok=True)
    write_bytes(target, made)
    if sha256(target) != source["sha256"]:
        target.unlink()
        raise RunFailed(f"{name}: what was made from {', '.join(source['from'])} is not the file that it should be")
    for part in parts:
        part.unlink()


def is_there(path: Path, expected: str) -> bool:
    """Whether the file is there and whole.

    Raises:
        UserError: another file lies in its place; it may be the user's own, so it is neither taken nor replaced.
    """
    if not os.path.lexists(path):
        return False
    if (found := sha256(path)) == expected:
        return True
    raise UserError(
        f"{path} is another file than fetch brings, or a part of it ({path.stat().st_size:,} bytes, SHA-256 {found[:12]}…, "
        f"not {expected[:12]}…); move it away, or name another data.dir"
    )
