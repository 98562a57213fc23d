"""Jobs handed to the launcher or the sweeper that Hydra is told of: ``hydra/launcher=…``, ``hydra/sweeper=…``."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lopa_bench.config.compose import register
from lopa_bench.config.files import conf_dir, search_override
from lopa_bench.config.quoting import quoted
from lopa_bench.host import signals
from lopa_bench.host.terminal import say
from lopa_bench.study import sweep
from lopa_bench.study.jobs import Job, in_a_line, write
from lopa_bench.study.rounds import Launch, stop

if TYPE_CHECKING:
    from hydra.types import HydraContext, TaskFunction
    from omegaconf import DictConfig

SAME_PROCESS = "BasicLauncher"  # Hydra's own


def by_launcher(words: Sequence[str], folder: Path, do: TaskFunction) -> Launch:
    """What hands jobs of the sweep in `folder` to the launcher that `words`, overrides of Hydra's own section, choose.

    Args:
        do: one job, called in the launcher's process with Hydra's composed config.
    """
    from hydra.core.plugins import Plugins

    config, context = _composed(words, folder)
    launcher = Plugins.instance().instantiate_launcher(context, do, config)
    most = config.hydra.sweeper.get("max_batch_size")

    def launch(todo: Mapping[int, Job]) -> None:
        numbers = list(todo)
        for first in range(0, len(numbers), most or len(numbers)):
            batch = numbers[first : first + (most or len(numbers))]
            # Hydra counts the jobs of a launch; the folder is that of the sweep's number.
            given = [[*todo[i].overrides, f"hydra.sweep.subdir={i}"] for i in batch]
            with _watched(folder, config):
                for i, returned in zip(batch, launcher.launch(given, 0), strict=True):
                    _note(folder / str(i), todo[i], returned)

    return launch


def search(words: Sequence[str], folder: Path, do: TaskFunction) -> None:
    """Let the sweeper that `words` choose find its jobs by itself, until it has enough or something keeps it from going on."""
    from hydra.core.plugins import Plugins

    config, context = _composed(words, folder)
    sweeper = Plugins.instance().instantiate_sweeper(hydra_context=context, task_function=do, config=config)
    with _watched(folder, config):
        sweeper.sweep(arguments=list(config.hydra.overrides.task))


def _composed(words: Sequence[str], folder: Path) -> tuple[DictConfig, HydraContext]:
    """Hydra's config of a sweep, and what its launchers compose each job's with."""
    from hydra import initialize_config_dir
    from hydra._internal.callbacks import Callbacks
    from hydra.core.global_hydra import GlobalHydra
    from hydra.types import HydraContext, RunMode

    register()
    GlobalHydra.instance().clear()
    ours = [*search_override(), "hydra.mode=MULTIRUN", quoted("hydra.sweep.dir", folder)]
    with initialize_config_dir(str(conf_dir()), version_base="1.3", job_name="lopa-bench"):
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
            if not apart or (folder / sweep.STOP).exists():
                raise  # otherwise a worker's, which somebody has told to stop
        except Exception as error:
            if os.environ.get("LOPA_DEBUG") == "1":
                traceback.print_exception(error)
            say(f"lopa-bench: the launcher stopped: {in_a_line(error)}", error=True)


def _note(folder: Path, job: Job, returned: Any) -> None:
    """Record a job whose process could not do so: it does not see the sweep's folder."""
    from hydra.core.utils import JobStatus

    if returned.status is JobStatus.FAILED:
        folder.mkdir(exist_ok=True)
        write(folder, Job(job.overrides, "failed", error=in_a_line(returned._return_value), starts=job.starts + 1))
