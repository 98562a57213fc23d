"""A sweep: its folder, one job done, and the table at its end. Imports no torch.

A sweep has a folder ``<results>/.sweeps/<time>-<host>-<pid>`` with the plan and, for each job, a folder with ``job.json``, ``job.lock``
while a process does it and, where it failed, ``error.log``. Which runs are finished is known from the run directories alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopa_bench.errors import TrainingDiverged, UserError
from lopa_bench.host import signals
from lopa_bench.host.files import load_json, make_folder, write_text
from lopa_bench.host.gpus import VISIBLE, take
from lopa_bench.host.lease import Busy, Lease, Owner, alive, owner_of
from lopa_bench.host.processes import is_main, processes
from lopa_bench.host.terminal import say
from lopa_bench.results.directory import load_result
from lopa_bench.study.jobs import (
    JOB,
    JOB_LOCK,
    PLAN,
    STOP,
    Job,
    beginning,
    counts,
    known,
    label,
    read,
    reason,
    status,
    told,
    write,
)

if TYPE_CHECKING:
    from lopa_bench.run.story import Outcome

FOLDER, LOCK, LOG = ".sweeps", "sweep.lock", "error.log"
LOOK_EVERY = 1.0  # seconds between two looks at whether the sweep is told to stop
SEEN_WITHIN = 10.0  # seconds until a file that one machine has written is there on another
MOST_SHOWN = 40  # jobs in the table at the end; of more, only those that nobody has told of
UNTOLD = {"waiting", "died"}  # the states in which no process could say so


@contextlib.contextmanager
def planned(results_dir: Path, jobs: Sequence[Sequence[str]]) -> Iterator[Path]:
    """The folder of a new sweep over `jobs` (none: they are not known beforehand), marked as alive for the time of the block."""
    if not is_main():
        with tempfile.TemporaryDirectory() as nowhere:
            yield Path(nowhere)
        return
    me = Owner.me()
    folder = results_dir.absolute() / FOLDER / f"{time.strftime('%Y-%m-%d_%H-%M-%S')}-{me.host}-{me.pid}"
    make_folder(folder, key="results_dir")
    _clear_locks(folder.parent)
    with Lease(folder / LOCK):
        plan = {"jobs": [list(job) for job in jobs], VISIBLE: os.environ.get(VISIBLE)}
        write_text(folder / PLAN, json.dumps(plan, indent=1))
        yield folder


def check_seen(folder: Path) -> None:
    """Raise `UserError` in a launcher's process that does not see the sweep's folder, as on a machine with disks of its own."""
    deadline = time.monotonic() + SEEN_WITHIN
    while not (folder / PLAN).exists():
        if time.monotonic() > deadline:
            raise UserError(
                f"results_dir={folder.parents[1]}: {Owner.me().host} does not see what the sweep has written there; "
                "name a folder that every machine sees under the same path"
            )
        time.sleep(0.1)


def take_gpus(folder: Path, each: int) -> None:
    """Make some of the GPUs that the sweep in `folder` may use this process's own: `each` of them."""
    named = load_json(folder / PLAN).get(VISIBLE)
    os.environ.pop(VISIBLE, None)  # submitit hides all from a process of this machine, or shows the first ones to each
    if named is not None:
        os.environ[VISIBLE] = named
    take(folder, each)


def _clear_locks(folder: Path) -> None:
    """Remove what sweeps that were killed have left."""
    for lock in folder.glob(f"*/{LOCK}"):
        if not alive(lock, owner_of(lock)):
            lock.unlink(missing_ok=True)


def run_job(run: Callable[[], Outcome], folder: Path, overrides: Sequence[str]) -> float | None:
    """Do one job and record what became of it; whatever goes wrong, the next one follows.

    But what goes wrong in one of several processes ends them all.

    Returns:
        The score of the selection split (else the reported one), for sweepers that search; None of a job without a result.
    """
    together = processes()
    if together.first(lambda: (folder.parent / STOP).exists()):
        return None
    with contextlib.ExitStack() as stack:
        try:
            together.first(lambda: stack.enter_context(_claimed(folder)))
        except Busy:  # an earlier start of this very job goes on after all
            return None
        stack.enter_context(signals.raised())
        return _run_and_record(run, folder, overrides)


@contextlib.contextmanager
def _claimed(folder: Path) -> Iterator[None]:
    """The job is this process's for the time of the block. It gets a SIGTERM if the sweep is told to stop, on whatever machine that was."""
    over, stop = threading.Event(), folder.parent / STOP

    def watch() -> None:
        while not over.wait(LOOK_EVERY):
            if stop.exists():
                os.kill(os.getpid(), signal.SIGTERM)
                return

    with Lease(folder / JOB_LOCK):
        threading.Thread(target=watch, daemon=True).start()
        try:
            yield
        finally:
            over.set()


def _run_and_record(run: Callable[[], Outcome], folder: Path, overrides: Sequence[str]) -> float | None:
    before = known(folder / JOB) or Job(tuple(overrides))
    begun = Job(
        tuple(overrides), "running", starts=before.starts + 1, deaths=before.deaths + (before.state == "running")
    )

    def record(state: str, **facts: Any) -> None:
        job = replace(begun, state=state, **facts)
        write(folder, job)
        if not is_main():
            return
        if state == "running":
            say(beginning(job, folder), error=True)
        else:
            say(*told(job, read(folder.parent)))

    record("running")
    try:
        outcome = run()
        result = outcome.result
        value, shown = result.selection_score, f"{result.metric} {result.score:.2f}"
    except Busy as error:
        record("elsewhere", error=str(error), directory=str(error.lock.parent))
        return None
    except Exception as error:
        log = folder / LOG
        with contextlib.suppress(OSError):
            log.write_text(traceback.format_exc(), encoding="utf-8", errors="backslashreplace")
        record("failed", error=reason(error), log=str(log), diverged=isinstance(error, TrainingDiverged))
        if not processes().in_all(error):
            raise  # the others wait for this process, in the middle of the job: torchrun ends them where one ends
        return None
    except BaseException:
        record("interrupted")
        raise
    record(
        "found" if outcome.found else "ran",
        score=shown,
        directory=str(outcome.directory.path),
        seconds=round(result.seconds.total, 2),
    )
    return value


def is_alive(folder: Path) -> bool:
    """Whether the process that started the sweep still runs."""
    lock = folder / LOCK
    return lock.exists() and alive(lock, owner_of(lock))


def finish(folder: Path, all_of_them: bool = False) -> int:
    """Say how many jobs came to which end; their exit status.

    Args:
        all_of_them: tell of each job, for a launcher's processes may have done so elsewhere; otherwise of those only that could not.
    """
    jobs = processes().first(lambda: read(folder))
    if is_main():
        shown = jobs if all_of_them and len(jobs) <= MOST_SHOWN else [job for job in jobs if job.state in UNTOLD]
        for job in shown:
            say(*told(job, jobs))
        again = sum(job.done and job.deaths > 0 for job in jobs)
        say(f"{len(jobs)} jobs: {counts(jobs)}{f' · {again} of them after a process died' if again else ''}")
    return status(jobs)


def say_best(folder: Path, higher_is_better: bool) -> None:
    """Say which of a search's jobs has the best score of the split that it looked at, which the scores told so far are not of."""
    jobs = processes().first(lambda: read(folder))
    scored = [(job, load_result(job.directory)[1]) for job in jobs if job.done]
    if not scored or not is_main():
        return
    choose = max if higher_is_better else min
    job, result = choose(scored, key=lambda pair: pair[1].selection_score)
    apart = "validation" in result.metrics_per_split
    looked_at = f"{result.metric} {result.selection_score:.2f} on validation" if apart else "the reported split itself"
    say(f"{'best':<11} {label(job, jobs)}  {job.score}; the search went by {looked_at}")
