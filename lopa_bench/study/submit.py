"""Jobs that submitit hands to SLURM or starts on this machine: submitted, waited for one by one, or left to themselves."""

from __future__ import annotations

import contextlib
import dataclasses
import getpass
import json
import math
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from lopa_bench.config.keys import key_of
from lopa_bench.errors import RunFailed, UserError
from lopa_bench.host.files import load_json, write_text
from lopa_bench.host.terminal import say
from lopa_bench.study.jobs import STOP, Job, numbered

if TYPE_CHECKING:
    from lopa_bench.config.schema import Config

QUEUE = "queue.json"  # in a sweep's folder: which of its jobs were submitted, and under which number
CPUS = 4  # of a job that is not told: the computation's and the tokenizer's threads
PROGRAM = (
    2 << 30
)  # bytes that Python, torch and what they load may take: a scheduler ends who takes more than was asked for
OVER = {"ran", "found", "failed", "elsewhere"}  # states of jobs that nothing more comes of
TOGETHER = "export SLURM_KILL_BAD_EXIT=1"  # srun ends all tasks of a job, which is one run, where one of them fails
OF_MEMORY = ("mem_gb", "mem_per_gpu", "mem_per_cpu")


def is_submitit(launcher: Any) -> bool:
    """Whether the launcher is one of submitit's."""
    return hasattr(launcher, "_EXECUTOR")


def ask_for(launcher: Any, todo: Mapping[int, Job], config: Config) -> None:
    """Fill in what the user has not asked of SLURM: a name that says task and method, CPUs, and memory as `lopa-bench doctor` estimates it.

    Args:
        config: of one of the jobs.
    """
    if not todo:
        return
    params = launcher.params
    if params["name"] == "lopa-bench":  # Hydra's name of the program
        params["name"] = job_name(todo, config)
    if launcher._EXECUTOR != "slurm":
        return
    if not params["cpus_per_task"] and not params["cpus_per_gpu"]:
        params["cpus_per_task"] = CPUS
    if not any(params[key] for key in OF_MEMORY) and "mem" not in params["additional_parameters"]:
        with contextlib.suppress(UserError):  # of a model that nothing is known of, SLURM's own default
            params["mem_gb"] = memory(
                config,
                on_gpu=any(params[key] for key in ("gpus_per_node", "gpus_per_task", "gres")),
                processes=params["tasks_per_node"],
            )
    if params["tasks_per_node"] * params["nodes"] > 1 and TOGETHER not in (params["setup"] or ()):
        params["setup"] = [*(params["setup"] or ()), TOGETHER]
    asked = [f"{params['cpus_per_task']} CPUs", *([f"{params['mem_gb']} GB of memory"] if params["mem_gb"] else [])]
    say(
        f"lopa-bench: asks SLURM for {' and '.join(asked)} a job, {params['timeout_min']} minutes "
        "(hydra.launcher.cpus_per_task, mem_gb, timeout_min)",
        error=True,
    )


def job_name(todo: Mapping[int, Job], config: Config) -> str:
    """E.g. ``rte+mrpc-lopa``."""
    named = {"task": config.task.name, "method": config.method.name}
    for key, name in named.items():
        found = dict.fromkeys(
            word.partition("=")[2] for job in todo.values() for word in job.overrides if key_of(word) == key
        )
        named[key] = "+".join(found) or name
    return "-".join(named.values())[:60]


def memory(config: Config, on_gpu: bool, processes: int = 1) -> int:
    """Gigabytes of a machine's memory that a job's `processes` there need.

    On a GPU each loads the weights, and then writes checkpoints; otherwise it needs all of the run's.
    """
    from lopa_bench.run.memory import estimate

    needed = estimate(config)
    each = PROGRAM + max(needed.loading, needed.checkpoint) if on_gpu else needed.on_cpu(PROGRAM)
    return math.ceil(processes * each / 10**9)


def submit(launcher: Any, given: Sequence[Sequence[str]]) -> list[Any]:
    """submitit's jobs, one for each list of overrides, as the plugin's launcher makes them; it returns without waiting for them."""
    import submitit
    from hydra.core.singleton import Singleton
    from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf

    cluster, params = launcher._EXECUTOR, dict(launcher.params)
    made_with = {f"{cluster}_{key}": params.pop(key) for key in ("max_num_timeout",) if key in params}
    executor = submitit.AutoExecutor(params.pop("submitit_folder"), cluster, **made_with)
    shared = {field.name for field in dataclasses.fields(BaseQueueConf)}
    executor.update_parameters(**{key if key in shared else f"{cluster}_{key}": value for key, value in params.items()})
    numbers = range(len(given))
    state = [Singleton.get_state()] * len(given)
    with _out_of_reach():
        arguments = (["hydra.sweep.dir"] * len(given), numbers, [f"job_id_for_{i}" for i in numbers], state)
        return list(executor.map_array(launcher, [list(words) for words in given], *arguments))


@contextlib.contextmanager
def _out_of_reach() -> Iterator[None]:
    """Processes that are started in the block do not hear a terminal's Ctrl-C: the sweep does, and tells the jobs."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def results(submitted: Sequence[Any]) -> Iterator[Any]:
    """What each job returned, or the exception that tells why there is nothing: one that is lost ends no other."""
    for job in submitted:
        try:
            yield job.results()[0]
        except Exception as error:
            yield error


def join() -> None:
    """In a job of several tasks: make them the processes of one run, as torchrun would."""
    import submitit

    if submitit.JobEnvironment().num_tasks > 1 and "RANK" not in os.environ:
        submitit.helpers.TorchDistributedEnvironment().export(set_cuda_visible_devices=False)


def note(folder: Path, cluster: str, submitted: Mapping[int, Any]) -> None:
    """Keep the numbers that the jobs of the sweep in `folder` have in the queue."""
    known = _noted(folder).get("jobs", {})
    new = {str(number): job.job_id for number, job in submitted.items()}
    write_text(folder / QUEUE, json.dumps({"cluster": cluster, "jobs": {**known, **new}}))


def say_where(folder: Path) -> int:
    """Tell of the jobs of a sweep that is left to itself: how many there are and where one sees of them; the exit status, 0."""
    there = _noted(folder).get("jobs", {})
    arrays = ", ".join(dict.fromkeys(name.partition("_")[0] for name in there.values()))
    if not there:
        say("nothing to submit: every job is done, or in the queue already")
        return 0
    say(
        f"{len(there)} jobs are in the queue ({arrays}); their output comes to {folder / '.submitit'}",
        f"lopa-bench status results_dir={folder.parents[1]}",
    )
    return 0


def _noted(folder: Path) -> dict[str, Any]:
    try:
        return dict(load_json(folder / QUEUE))
    except (UserError, TypeError, ValueError):
        return {}


def in_queue(folder: Path) -> dict[int, str]:
    """The jobs of the sweep in `folder` that still wait in the queue or run, with their numbers there.

    Raises:
        RunFailed: the queue does not answer.
    """
    noted, known = _noted(folder), numbered(folder)
    jobs = {int(number): str(name) for number, name in noted.get("jobs", {}).items()}
    jobs = {number: name for number, name in jobs.items() if number in known and known[number].state not in OVER}
    if not jobs:
        return {}
    there = _of_slurm() if noted["cluster"] == "slurm" else {name for name in jobs.values() if _runs(int(name))}
    return {number: name for number, name in jobs.items() if name in there}


def queued(folder: Path) -> set[tuple[str, ...]]:
    """The overrides of jobs that other sweeps of the same results have in a queue, those aside that were told to stop.

    Raises:
        RunFailed: the queue does not answer.
    """
    found = set()
    for other in folder.parent.glob(f"*/{QUEUE}"):
        if other.parent != folder and not (other.parent / STOP).exists() and (numbers := in_queue(other.parent)):
            jobs = numbered(other.parent)
            found |= {jobs[number].overrides for number in numbers if number in jobs}
    return found


def _of_slurm() -> set[str]:
    """The numbers of the user's jobs, each of an array by itself; none on a machine that has no SLURM, whoever left their notes there."""
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--user={getpass.getuser()}"]
    try:
        return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    except FileNotFoundError:
        return set()
    except (OSError, subprocess.CalledProcessError) as error:
        said = (getattr(error, "stderr", None) or "").strip() or str(error)
        raise RunFailed(f"SLURM's squeue does not answer ({said.splitlines()[0]}); try again later") from error


def _runs(pid: int) -> bool:
    """Whether submitit's process of that number runs a job."""
    try:
        return any("submitit" in word for word in psutil.Process(pid).cmdline())
    except psutil.Error:
        return False
