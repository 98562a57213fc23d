"""``lopa-bench status``: what is done, running, interrupted, failed and waiting below a results folder. Imports no torch."""

from __future__ import annotations

import dataclasses
import glob
import json
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.live import Live
from rich.text import Text

from lopa_bench.cli import words
from lopa_bench.cli.options import RUNS, option
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.lease import alive, owner_of
from lopa_bench.host.terminal import console, printable, say
from lopa_bench.results.directory import FAILED, LOCK, PROGRESS, RESULT
from lopa_bench.study import jobs, submit, sweep

SUMMARY = "what is done, running, failed and waiting below a results folder"
EXAMPLE = "lopa-bench status results_dir=runs watch=5"
RUN_DIRECTORIES = "*/*/*/*/*"  # scale/task/model/method/seed-digest


@dataclasses.dataclass(frozen=True, kw_only=True)
class Options:
    results_dir: Path = option("the folder of results", RUNS, shown="DIR")
    watch: float = option(
        "show it anew every so many seconds, until nothing runs; 0: once", 0.0, shown="SECONDS", at_least=0
    )


OPTIONS = Options


def main(argv: Sequence[str]) -> int:
    """Show the state once, or every `watch` seconds until nothing runs any more."""
    options = words.read(Options, argv, "status")
    folder = options.results_dir
    if not folder.is_dir():
        raise UserError(f"results_dir={folder}: there is no such folder")
    if not options.watch:
        say(state(folder))
        return 0
    with Live(Text(state(folder)), console=console(), auto_refresh=False) as live:
        while running(folder) or any(map(sweep.is_alive, sweeps(folder))):
            time.sleep(options.watch)
            live.update(Text(state(folder)), refresh=True)
    return 0


def _below(folder: Path, pattern: str) -> list[Path]:
    """In order. Unlike `Path.glob`, this passes over folders that go while it looks."""
    return [folder / found for found in sorted(glob.glob(pattern, root_dir=folder))]


def running(folder: Path) -> list[Path]:
    """Run directories that a living process has claimed."""
    return [lock.parent for lock in _below(folder, f"{RUN_DIRECTORIES}/{LOCK}") if alive(lock, owner_of(lock))]


def sweeps(folder: Path) -> list[Path]:
    """Folders of the sweeps that go on; if none does, of the last one."""
    found = [path.parent for path in _below(folder, f"{sweep.FOLDER}/*/{jobs.PLAN}")]
    return [path for path in found if sweep.is_alive(path) or in_queue(path)[0]] or found[-1:]


def in_queue(sweep_folder: Path) -> tuple[int, str]:
    """How many jobs of a sweep wait in a queue or run there, and what keeps it from saying so."""
    try:
        return len(submit.in_queue(sweep_folder)), ""
    except RunFailed as error:
        return 0, str(error)


def state(folder: Path) -> str:
    """The picture of this moment, one line each: the folder, its sweeps, then what runs, has stopped or failed."""
    ended = {path.parent for path in _below(folder, f"{RUN_DIRECTORIES}/{RESULT}")}
    done = {path for path in ended if can_be_read(path / RESULT)}
    now = running(folder)
    stopped = {path.parent for path in _below(folder, f"{RUN_DIRECTORIES}/{PROGRESS}")} - done - set(now)
    given_up = {path for path in stopped if _progress(path).get("stage") == FAILED}
    tried = f", {len(given_up)} failed" if given_up else ""
    damaged = sorted(ended - done - stopped - set(now))
    unread = f", {len(damaged)} with a damaged result" if damaged else ""
    lines = [f"{folder}: {len(done)} done, {len(now)} running, {len(stopped - given_up)} stopped{tried}{unread}"]
    failed = []
    for path in sweeps(folder):
        known, (queued, silent) = jobs.read(path), in_queue(path)
        goes_on = f"is left to the queue, with {queued} jobs" if queued else silent or "is over"
        lines.append(f"sweep {path.name} {'goes on' if sweep.is_alive(path) else goes_on}: {jobs.counts(known)}")
        bad = [job for job in known if job.state in {"failed", "died"}]
        failed += [f"{jobs.line(job, known)}{f'; log: {job.log}' if job.log else ''}" for job in bad]
    for path in now:
        owner = owner_of(path / LOCK)
        who = f"process {owner.pid} on {owner.host}" if owner else ""
        lines.append(f"{'running':<11} {path.relative_to(folder)}  {how_far(path)}  {who}")
    for path in sorted(stopped):
        lines.append(f"{'failed' if path in given_up else 'stopped':<11} {path.relative_to(folder)}  {how_far(path)}")
    lines += [f"{'damaged':<11} {path.relative_to(folder)}  asked for again, it is made anew" for path in damaged]
    return printable("\n".join([*lines, *failed]))


def can_be_read(result: Path) -> bool:
    """Whether this file is JSON to its end. What else may be wrong with it costs five times as long to find, and `runs` says it."""
    try:
        return isinstance(json.loads(result.read_bytes()), dict)
    except (OSError, ValueError, RecursionError):
        return False


def how_far(run: Path) -> str:
    """What a run's progress file says."""
    known = _progress(run)
    if known.get("stage") != "training":
        return str(known.get("why") or known.get("stage", ""))
    if not {"seconds_left", "epoch", "epochs", "step", "steps"} <= set(known):
        return "training"  # another version's file
    left = timedelta(seconds=round(known["seconds_left"]))
    return f"epoch {known['epoch']} of {known['epochs']}, step {known['step']} of {known['steps']}, {left} left"


def _progress(run: Path) -> dict[str, Any]:
    try:
        known = json.loads((run / PROGRESS).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}
