"""Jobs handed to the launcher or the sweeper that Hydra is told of: ``hydra/launcher=…``, ``hydra/sweeper=…``."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopa_bench.config.compose import load_config, register
from lopa_bench.config.files import conf_dir, search_override
from lopa_bench.config.quoting import quoted
from lopa_bench.config.releases import HYDRA_BASE
from lopa_bench.errors import UserError
from lopa_bench.host import signals
from lopa_bench.host.processes import process_count
from lopa_bench.host.terminal import say
from lopa_bench.study import sweep
from lopa_bench.study.jobs import STOP, Job, reason, write
from lopa_bench.study.rounds import Launch, settle, stop
from lopa_bench.study.submit import ask_for, is_submitit, note, results, submit

if TYPE_CHECKING:
    from hydra.types import HydraContext, TaskFunction
    from omegaconf import DictConfig

    from lopa_bench.config.schema import Config

SAME_PROCESS = "BasicLauncher"  # Hydra's own
TIMEOUT = "hydra.launcher.timeout_min="
NO_END = 60 * 24 * 365  # minutes: the plugin's hour is a queue's; here a job would be lost after four of them


def by_launcher(words: Sequence[str], folder: Path, do: TaskFunction, config: Config) -> Launch:
    """What hands jobs of the sweep in `folder` to the launcher that `words`, overrides of Hydra's own section, choose.

    Args:
        do: one job, called in the launcher's process with Hydra's composed config.
        config: of the first job. With `detach` jobs are left in the queue that they are submitted to.

    Raises:
        UserError: `detach` with a launcher that has no queue.
    """
    from hydra.core.plugins import Plugins

    composed, context = _composed(words, folder)
    launcher: Any = Plugins.instance().instantiate_launcher(context, do, composed)
    if config.detach and not is_submitit(launcher):
        raise UserError(
            "detach=true: the jobs of this launcher end with the sweep; nearest: hydra/launcher=submitit_slurm"
        )
    if is_submitit(launcher) and launcher._EXECUTOR == "local" and not any(TIMEOUT in word for word in words):
        launcher.params["timeout_min"] = NO_END
    most = composed.hydra.sweeper.get("max_batch_size")

    def launch(todo: Mapping[int, Job]) -> None:
        numbers = list(todo)
        if process_count() == 1:  # several would have to agree on what is finished; the job's own start sees to that
            numbers = [number for number in numbers if not _is_found(folder / str(number), todo[number])]
        if is_submitit(launcher):
            ask_for(launcher, {number: todo[number] for number in numbers}, config)
        size = (not config.detach and most) or len(numbers) or 1
        for first in range(0, len(numbers), size):
            batch = numbers[first : first + size]
            with _watched(folder, composed):
                for number, returned in _launched(launcher, folder, {number: todo[number] for number in batch}, config):
                    _note(folder / str(number), todo[number], returned)

    return launch


def _launched(launcher: Any, folder: Path, batch: Mapping[int, Job], config: Config) -> Iterable[tuple[int, Any]]:
    """Each job of `batch` with what the launcher returns of it, or an exception in its place; nothing of what is left in a queue."""
    # Hydra counts the jobs of a launch; the folder is that of the sweep's number.
    given = [[*job.overrides, f"hydra.sweep.subdir={number}"] for number, job in batch.items()]
    if not is_submitit(launcher):
        return zip(batch, launcher.launch(given, 0), strict=True)
    submitted = submit(launcher, given)
    note(folder, launcher._EXECUTOR, dict(zip(batch, submitted, strict=True)))
    return () if config.detach else zip(batch, results(submitted), strict=True)


def _is_found(folder: Path, job: Job) -> bool:
    """Whether the job's run is finished; it is then recorded so, without a process of the launcher's, or Hydra's making its config."""
    from lopa_bench.run import identity, story
    from lopa_bench.run.records import read_records

    try:
        config = load_config(job.overrides)
        if config.force or not identity.may_be_finished(config):
            return False
        if not identity.directory(config, read_records(config)).result():
            return False
    except UserError:  # which the job will say itself
        return False
    folder.mkdir(exist_ok=True)
    sweep.run_job(lambda: story.run(config), folder, job.overrides)
    return True


def search(words: Sequence[str], folder: Path, do: TaskFunction) -> bool:
    """Let the sweeper that `words` choose find its jobs by itself; whether it had enough of them, or something kept it from going on."""
    sweeper, config = _sweeper(words, folder, do)
    ended = False
    with _watched(folder, config):
        try:
            sweeper.sweep(arguments=list(config.hydra.overrides.task))
            ended = True
        except Exception:  # a trial that is lost leaves those beside it at work
            settle(folder)
            raise
    return ended


def check_search(words: Sequence[str], do: TaskFunction) -> None:
    """Raise `UserError` for a setting that the sweeper has not or cannot be made with."""
    from hydra.errors import HydraException

    try:
        _sweeper(words, Path(), do)
    except HydraException as error:
        raise UserError(reason(error)) from error


def _sweeper(words: Sequence[str], folder: Path, do: TaskFunction) -> tuple[Any, DictConfig]:
    from hydra.core.plugins import Plugins

    config, context = _composed(words, folder)
    return Plugins.instance().instantiate_sweeper(hydra_context=context, task_function=do, config=config), config


def _composed(words: Sequence[str], folder: Path) -> tuple[DictConfig, HydraContext]:
    """Hydra's config of a sweep, and what its launchers compose each job's with."""
    from hydra import initialize_config_dir
    from hydra._internal.callbacks import Callbacks
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import HydraContext, RunMode

    register()
    GlobalHydra.instance().clear()
    ours = [*search_override(), "hydra.mode=MULTIRUN", quoted("hydra.sweep.dir", folder)]
    with initialize_config_dir(str(conf_dir()), job_name="lopa-bench", **HYDRA_BASE):
        hydra = GlobalHydra.instance().hydra
        assert hydra is not None
        config = hydra.compose_config("config", [*words, *ours], RunMode.MULTIRUN, with_log_configuration=False)
    return config, HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))


@contextlib.contextmanager
def _watched(folder: Path, config: DictConfig) -> Iterator[None]:
    """What a launcher raises, because a process of its own died or it could start none, is one line, and the sweep goes on.

    A signal to this process lets every process of the launcher save a checkpoint first.
    """
    apart = not config.hydra.launcher._target_.endswith(SAME_PROCESS)
    with signals.after(lambda: stop(folder)) if apart else contextlib.nullcontext():
        try:
            yield
        except KeyboardInterrupt:
            if not apart or (folder / STOP).exists():
                raise  # otherwise a worker's, which somebody has told to stop
        except Exception as error:
            if os.environ.get("LOPA_DEBUG") == "1":
                traceback.print_exception(error)
            say(f"lopa-bench: the launcher stopped: {reason(error)}", error=True)


def _note(folder: Path, job: Job, returned: Any) -> None:
    """Record what a job could not record itself: that it does not see the sweep's folder, or was not queued again."""
    from hydra.core.utils import JobReturn, JobStatus

    if isinstance(returned, JobReturn) and returned.status is JobStatus.FAILED:
        folder.mkdir(exist_ok=True)
        write(folder, Job(job.overrides, "failed", error=reason(returned._return_value), starts=job.starts + 1))
    elif isinstance(returned, Exception):
        say(f"lopa-bench: job {folder.name} was lost: {reason(returned)}", error=True)
