"""``lopa-bench status``: what is done, running, interrupted, failed and waiting below a results folder. Imports no torch."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text

from lopa_bench.errors import UserError
from lopa_bench.host.lease import alive, owner_of
from lopa_bench.results.directory import LOCK, PROGRESS
from lopa_bench.study import sweep

RUNS = "*/*/*/*/*"  # scale/task/model/method/seed-digest
USAGE = "usage: lopa-bench status [results_dir=results] [watch=SECONDS]"


def main(argv: Sequence[str]) -> int:
    """Show the state once, or every `watch` seconds until nothing runs any more."""
    if {"--help", "-h"} & set(argv):
        print(USAGE)
        return 0
    options = {"results_dir": "results", "watch": "0"}
    for word in argv:
        key, equals, value = word.partition("=")
        if not equals or key not in options:
            raise UserError(f"status {word}: not understood; {USAGE}")
        options[key] = value
    folder = Path(options["results_dir"]).expanduser()
    if not folder.is_dir():
        raise UserError(f"results_dir={folder}: there is no such folder")
    try:
        seconds = float(options["watch"])
    except ValueError:
        raise UserError(f"watch={options['watch']} is not a number of seconds") from None
    console = Console(highlight=False)
    if not seconds:
        console.print(state(folder), soft_wrap=True)
        return 0
    with Live(state(folder), console=console, auto_refresh=False) as live:
        while running(folder) or any(map(sweep.is_alive, sweeps(folder))):
            time.sleep(seconds)
            live.update(state(folder), refresh=True)
    return 0


def running(folder: Path) -> list[Path]:
    """Run directories that a living process has claimed."""
    return [lock.parent for lock in sorted(folder.glob(f"{RUNS}/{LOCK}")) if alive(lock, owner_of(lock))]


def sweeps(folder: Path) -> list[Path]:
    """Folders of the sweeps that go on; if none does, of the last one."""
    found = sorted(path.parent for path in folder.glob(f"{sweep.FOLDER}/*/{sweep.PLAN}"))
    return [path for path in found if sweep.is_alive(path)] or found[-1:]


def state(folder: Path) -> Text:
    """The picture of this moment, one line each: the folder, its sweeps, then what runs, has stopped or failed."""
    done = {path.parent for path in folder.glob(f"{RUNS}/result.json")}
    now = running(folder)
    stopped = {path.parent for path in folder.glob(f"{RUNS}/{PROGRESS}")} - done - set(now)
    lines = [f"{folder}: {len(done)} done, {len(now)} running, {len(stopped)} stopped"]
    failed = []
    for path in sweeps(folder):
        jobs = sweep.read(path)
        lines.append(f"sweep {path.name} {'goes on' if sweep.is_alive(path) else 'is over'}: {sweep.counts(jobs)}")
        failed += [f"{sweep.line(job, jobs)}; log: {job.log}" for job in jobs if job.state == "failed"]
    for path in now:
        owner = owner_of(path / LOCK)
        who = f"process {owner.pid} on {owner.host}" if owner else ""
        lines.append(f"{'running':<11} {path.relative_to(folder)}  {how_far(path)}  {who}")
    lines += [f"{'stopped':<11} {path.relative_to(folder)}  {how_far(path)}" for path in sorted(stopped)]
    return Text("\n".join([*lines, *failed]))


def how_far(run: Path) -> str:
    """What a run's progress file says."""
    try:
        known = json.loads((run / PROGRESS).read_text())
    except (OSError, ValueError):
        return ""
    if known.get("stage") != "training":
        return str(known.get("stage", ""))
    left = timedelta(seconds=round(known["seconds_left"]))
    return f"epoch {known['epoch']} of {known['epochs']}, step {known['step']} of {known['steps']}, {left} left"
