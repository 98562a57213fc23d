"""``lopa-bench fetch [task …]``. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from lopa_bench.cli import words
from lopa_bench.cli.options import option
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host import network
from lopa_bench.host.terminal import say
from lopa_bench.tasks.fetch import files

SUMMARY = "download the data files that tasks read, checked and resumed"
DETAILS = """\
Downloads what tasks read with data.source=files (all tasks, or those named) into data.dir. Files that are there and whole are left
alone; one that was cut off is resumed. A mirror is tried before the origin and has the same paths: owner/repository/commit/path."""
EXAMPLE = "lopa-bench fetch rte mrpc data.dir=data"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    task: tuple[str, ...] = option("only these", (), shown="TASK", bare=True, choices=files.tasks)
    data_dir: Path = option("where to", Path("data"), name="data.dir", shown="DIR")
    mirror: tuple[str, ...] = option("tried first", (), shown="URL")
    offline: bool = option("only say what is missing", False)


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """0 when all files are there, 1 when one could not be had, 2 on bad input or, offline, when one is missing."""
    options = words.read(Options, argv, "fetch")
    tasks, folder = options.task or files.tasks(), options.data_dir
    wanted = list(dict.fromkeys(name for task in tasks for name in files.files_of(task)))
    missing = [name for name in wanted if not files.is_there(folder / name, files.sources()[name]["sha256"])]
    if missing and (network.switch() or options.offline):
        raise UserError(
            f"data.dir={folder}: {', '.join(missing)} missing; and {network.reason()}, so nothing is fetched; "
            f"{by_hand(missing, folder, asked=False)}"
        )
    for name in missing:
        say(f"fetching {name}")
        try:
            files.fetch(name, folder, [*options.mirror, files.ORIGIN])
        except RunFailed as error:
            raise RunFailed(f"{error}; {by_hand([name], folder)}") from error
    for name in wanted:
        if note := files.sources()[name].get("note"):
            say(f"{name}: {note}")
    say(f"{folder}: {len(wanted)} files for {', '.join(tasks)}, {len(missing)} of them fetched now")
    say(f"use them: lopa-bench task={tasks[0]} data.source=files data.dir={folder}")
    return 0


def by_hand(missing: Sequence[str], folder: Path, asked: bool = True) -> str:
    """How files come into the folder otherwise: under which name, from where, or, once a server may be `asked`, through a mirror."""
    plain = [name for name in missing if "derive" not in files.sources()[name]]
    name = next(iter(plain or missing))
    ways = [
        f"put each under its name, as {folder / name} ({', '.join(files.sources()[name]['from'])} below {files.ORIGIN})"
    ] * bool(plain)
    if len(plain) < len(missing):
        made = next(name for name in missing if name not in plain)
        ways.append(f"{made} is made here from {', '.join(files.sources()[made]['from'])}")
    once = "" if asked else "when a server may be asked, "
    return "; ".join([*ways, f"or, {once}give mirror=URL, a server with the same paths (OWNER/REPOSITORY/COMMIT/PATH)"])
