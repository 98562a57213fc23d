"""A sweep's jobs and what became of each. Imports no torch.

A sweep has a folder ``<results>/.sweeps/<time>-<host>-<pid>`` with the plan and, for each job, a folder with ``job.json`` and, where it
failed, ``error.log``. They serve the eye: which runs are finished is known from the run directories alone.
"""

from __future__ import annotations

import contextlib
import json
import statistics
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.files import load_json, write_text
from lopa_bench.host.lease import Busy, Lease, Owner, alive, owner_of
from lopa_bench.host.processes import is_main
from lopa_bench.host.terminal import say
from lopa_bench.study.estimate import describe

if TYPE_CHECKING:
    from lopa_bench.run.story import Outcome

FOLDER, PLAN, LOCK, JOB, LOG = ".sweeps", "sweep.json", "sweep.lock", "job.json", "error.log"


@dataclass(frozen=True)
class Job:
    """What is known of a job.

    Attributes:
        state: waiting · running · ran · found (finished before) · failed · elsewhere (another process does it) · interrupted.
        score: the metric that selects, with its name. directory: of its run. log: the traceback of a failed one.
        seconds: that the run took, when it was made.
    """

    overrides: tuple[str, ...]
    state: str = "waiting"
    score: str = ""
    directory: str = ""
    seconds: float = 0.0
    error: str = ""
    log: str = ""


@contextlib.contextmanager
def planned(results_dir: Path, jobs: Sequence[Sequence[str]]) -> Iterator[Path]:
    """The folder of a new sweep over `jobs` (none: they are not known beforehand), marked as alive for the time of the block."""
    if not is_main():
        with tempfile.TemporaryDirectory() as nowhere:
            yield Path(nowhere)
        return
    me = Owner.me()
    folder = results_dir.absolute() / FOLDER / f"{time.strftime('%Y-%m-%d_%H-%M-%S')}-{me.host}-{me.pid}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"results_dir: {folder} cannot be made ({error.strerror})") from error
    with Lease(folder / LOCK):
        write_text(folder / PLAN, json.dumps({"jobs": [list(job) for job in jobs]}, indent=1))
        yield folder


def run_job(run: Callable[[], Outcome], folder: Path, overrides: Sequence[str]) -> float | None:
    """Do one job and record what became of it; whatever goes wrong, the next one follows.

    Returns:
        The score of the selection split (else the reported one), for sweepers that search; None of a job without a result.
    """

    def record(state: str, **known: Any) -> None:
        job = Job(tuple(overrides), state, **known)
        if is_main():
            with contextlib.suppress(RunFailed):  # a full disk: the run itself says so
                write_text(folder / JOB, json.dumps(asdict(job)), durable=False)
            if state == "running":
                say(beginning(job, folder), error=True)
            else:
                say(line(job, read(folder.parent)), *([f"{'':<11} log: {job.log}"] if job.log else []))

    record("running")
    try:
        outcome = run()
        result = outcome.result
        value, shown = result.selection_score, f"{result.metric} {result.score:.2f}"
    except Busy as error:
        record("elsewhere", error=str(error))
        return None
    except Exception as error:
        log = folder / LOG
        with contextlib.suppress(OSError):
            log.write_text(traceback.format_exc())
        named = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        record("failed", error=named.strip().split("\n")[0], log=str(log))
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


def read(folder: Path) -> list[Job]:
    """All jobs of a sweep, in order."""
    jobs = dict(enumerate(_planned(folder)))
    for path in folder.glob(f"*/{JOB}"):
        with contextlib.suppress(UserError, KeyError, TypeError, ValueError):
            known = load_json(path)
            jobs[int(path.parent.name)] = Job(**{**known, "overrides": tuple(known["overrides"])})
    return [jobs[i] for i in sorted(jobs)]


def _planned(folder: Path) -> list[Job]:
    """The jobs that are known beforehand: none of a search."""
    with contextlib.suppress(UserError, KeyError, TypeError):
        return [Job(tuple(job)) for job in load_json(folder / PLAN)["jobs"]]
    return []


def is_alive(folder: Path) -> bool:
    """Whether the process that started the sweep still runs."""
    lock = folder / LOCK
    return lock.exists() and alive(lock, owner_of(lock))


def label(job: Job, jobs: Sequence[Job]) -> str:
    """The overrides that tell a job from the others."""
    same = set.intersection(*(set(other.overrides) for other in jobs))
    return " ".join(text for text in job.overrides if text not in same) or " ".join(job.overrides)


def counts(jobs: Sequence[Job]) -> str:
    """E.g. ``3 ran · 5 found · 1 failed``."""
    states = [job.state for job in jobs]
    return " · ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states)) or "no job"


def finish(folder: Path) -> int:
    """Say how many jobs came to which end, each having been told of when it did; the exit status: 1 if any failed."""
    jobs = read(folder)
    if is_main():
        say(f"{len(jobs)} jobs: {counts(jobs)}")
    return int(any(job.state not in {"ran", "found", "elsewhere"} for job in jobs))


def beginning(job: Job, folder: Path) -> str:
    """E.g. ``3 of 8: task=rte seed=2 (about 4 min left)``; of 8 where it is known beforehand that there are so many."""
    jobs, total = read(folder.parent), len(_planned(folder.parent))
    states, took = [other.state for other in jobs], [other.seconds for other in jobs if other.state == "ran"]
    now, left = states.count("running"), states.count("running") + states.count("waiting")
    time_left = f" ({describe([statistics.mean(took) * left], max(1, now))} left)" if took and total else ""
    return f"{int(folder.name) + 1}{f' of {total}' if total else ''}: {label(job, jobs)}{time_left}"


def line(job: Job, jobs: Sequence[Job]) -> str:
    """A job in one line: its state, what tells it from the others, and what came of it."""
    seconds = f"  {job.seconds:.1f} s" if job.seconds else ""
    return f"{job.state:<11} {label(job, jobs)}  {job.score or job.error}{seconds}".rstrip()
