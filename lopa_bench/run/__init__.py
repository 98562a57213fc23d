"""One run, from its config to its result; ``story.run`` reads from top to bottom. Imports methods, tasks, results, config and host.

The room itself can be called: ``from lopa_bench import run`` gives it, and ``run("task=rte", "method=lopa")`` makes a run.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lopa_bench.results.record import Result


def of_overrides(*overrides: str) -> Result:
    """The result of the run that the words ask for, as ``lopa-bench`` does: found if it was made before, else trained and written.

    Raises:
        UserError: a word that is wrong, naming key, value and the nearest valid choice.
        TrainingDiverged: a loss that is not finite, or answers that are not.
        RunFailed: no fault of the words: a busy directory, too little memory.
    """
    from lopa_bench.config.compose import load_config
    from lopa_bench.config.overrides import check_keys

    check_keys(overrides)
    config = load_config(overrides)
    from lopa_bench.run import story

    return story.run(config).result


class _Room(ModuleType):
    """A module that can be called: a name that is a package and a function at once is the package, imported first or not."""

    def __call__(self, *overrides: str) -> Result:
        return of_overrides(*overrides)


sys.modules[__name__].__class__ = _Room
