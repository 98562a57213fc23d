"""The data files that tasks read: which they are, whether they are there and whole, and bringing them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from lopa_bench.config.files import read
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.files import write_bytes
from lopa_bench.tasks.rows import split_slice

ORIGIN = "https://raw.githubusercontent.com"
WORK = ".fetch"  # below data.dir: what is on its way
SOURCES = Path(__file__).parent / "sources.yaml"


@cache
def sources() -> dict[str, dict[str, Any]]:
    """File below data.dir -> its SHA-256 and where it comes from (sources.yaml)."""
    return yaml.safe_load(SOURCES.read_text(encoding="utf-8"))  # type: ignore[no-any-return]


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
    from lopa_bench.tasks.fetch.derive import HOW
    from lopa_bench.tasks.fetch.download import download, sha256

    source, target = sources()[name], folder / name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        (folder / WORK).mkdir(exist_ok=True)
    except OSError as error:
        raise UserError(f"data.dir={folder} cannot be written ({error.strerror})") from error
    with FileLock(folder / WORK / "lock"):
        if is_there(target, source["sha256"]):
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


def is_there(path: Path, expected: str) -> bool:
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
