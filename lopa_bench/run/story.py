"""One run: a pure function of its config. What was made before is found without importing torch."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass

from lopa_bench.config.schema import Config
from lopa_bench.host.processes import Processes, processes
from lopa_bench.host.threads import sleep_beside_others
from lopa_bench.models import hub
from lopa_bench.results.directory import RunDirectory
from lopa_bench.results.provenance import git_state
from lopa_bench.results.record import Result
from lopa_bench.run import identity
from lopa_bench.run.preflight import preflight
from lopa_bench.run.records import read_records
from lopa_bench.run.screen import Screen


@dataclass(frozen=True)
class Outcome:
    """What `run` gives back: the result, where it lies, and whether it was there before."""

    result: Result
    directory: RunDirectory
    found: bool


def run(config: Config) -> Outcome:
    """Train and evaluate as `config` says, or return the finished result of the same run.

    Raises:
        UserError: settings that cannot work together, before weights are loaded.
        Busy: another process does this run at the moment.
        TrainingDiverged: a loss that is not finite.
        RunFailed: out of memory, or a file that cannot be written.
        Interrupted: Ctrl-C or SIGTERM; the same run goes on from its last checkpoint.
    """
    git_state()  # now: the checkout may move on while this runs
    preflight(config)
    together = processes()
    if together.first(lambda: hub.complete(config)):
        preflight(config)  # now that there is something to look at
    records = read_records(config)
    directory = identity.directory(config, records)
    found = None if config.force else together.first(directory.result)
    if not found and config.init_from:
        _before_torch(config, together)
        from lopa_bench.run.trained import check_start

        check_start(config)
    with contextlib.ExitStack() as stack:
        if not found:
            together.first(lambda: stack.enter_context(directory.lease()) and None)
            # Another process may have finished it since.
            found = None if config.force else together.first(directory.result)
        if found:
            return Outcome(found, directory, found=True)
        _before_torch(config, together)
        from lopa_bench.run.execution import execute

        return Outcome(execute(config, records, directory, together), directory, found=False)


def _before_torch(config: Config, together: Processes) -> None:
    """What is settled before PyTorch, which takes seconds, is loaded: how its threads wait. Nothing where it is there already."""
    if "torch" not in sys.modules:
        screen = Screen(config, together.main)
        if used := sleep_beside_others():
            screen.say(f"other programs use {used:.1f} cores: threads that wait sleep (OMP_WAIT_POLICY=passive)")
        screen.say("loading PyTorch")


def finished(config: Config) -> Result | None:
    """The result of this run, if it was made before. Of a hub's model that is not on this machine yet there is none.

    Raises:
        UserError: as `run` does.
    """
    preflight(config)
    return None if hub.missing(config) else identity.directory(config, read_records(config)).result()
