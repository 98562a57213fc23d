"""Planned runs as a user types them: the words of one, the commands that make many."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lopa_bench.config.keys import key_of, spell

if TYPE_CHECKING:
    from lopa_bench.study.planned import PlannedRun

LISTED = 10  # seeds of a command one by one; more in a row are written as a range
YOURS = (
    "models.dir=DIR",
    "data.dir=DIR",
)  # what scale=small is told where neither models nor rows are to come from the hub


def words(overrides: Mapping[str, Any]) -> list[str]:
    """Overrides as typed: ``key=value``."""
    return [f"{key}={spell(value)}" for key, value in overrides.items()]


def commands(runs: Iterable[PlannedRun], told: Sequence[str] = ()) -> list[str]:
    """The commands that make these runs, one per group that differs in nothing but the task.

    Args:
        told: overrides that every run is given. Where they do not say where models and rows are, a run of scale=small is given `YOURS`.
    """
    return [_command(group, told) for group in groups(runs)]


def groups(runs: Iterable[PlannedRun]) -> list[list[PlannedRun]]:
    """The runs that one command makes: they differ in nothing but the task."""
    found: dict[tuple[Any, ...], list[PlannedRun]] = defaultdict(list)
    for run in runs:
        rest = tuple(word for word in run.words if not word.startswith("task="))
        found[rest, run.seeds].append(run)
    return list(found.values())


def _command(group: list[PlannedRun], told: Sequence[str]) -> str:
    """``lopa-bench -m task=rte,mrpc method=lopa seed=0,1,2``."""
    first = group[0]
    tasks = ",".join(dict.fromkeys(run.task for run in group))
    rest = (word for word in first.words if not word.startswith("task="))
    small = first.overrides.get("scale") == "small"
    yours = [word for word in YOURS if small and key_of(word) not in map(key_of, told)]
    typed = [f"task={tasks}", *rest, f"seed={_swept(first.seeds)}", *yours, *told]
    many = len(group) > 1 or len(first.seeds) > 1
    return shlex.join(["lopa-bench", *(["-m"] if many else []), *typed])


def _swept(seeds: Sequence[int]) -> str:
    """``0,1,2``, or ``range(100,140)``: both are of Hydra's grammar."""
    first, end = seeds[0], seeds[0] + len(seeds)
    if len(seeds) > LISTED and list(seeds) == [*range(first, end)]:
        return f"range({first},{end})"
    return ",".join(map(str, seeds))
