"""The embedded scale: a closed world in restricted English, its text, tasks, and models.

Everything is generated from the lexicon and one seed; nothing is read from a network.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

# Where each task's splits are made: "module:function", imported when the task is asked for.
_MAKERS: Mapping[str, str] = {
    "rte": "lopa_bench.mini.glue:rte",
    "mnli": "lopa_bench.mini.glue:mnli",
    "sst2": "lopa_bench.mini.glue:sst2",
    "mrpc": "lopa_bench.mini.glue:mrpc",
    "qqp": "lopa_bench.mini.glue:qqp",
    "qnli": "lopa_bench.mini.glue:qnli",
    "mbpp": "lopa_bench.mini.mbpp:mbpp",
    "cruxeval_i": "lopa_bench.mini.cruxeval:cruxeval",
    "cruxeval_o": "lopa_bench.mini.cruxeval:cruxeval",
    "e2e": "lopa_bench.mini.e2e:e2e",
    "webnlg": "lopa_bench.mini.webnlg:webnlg",
}
TASKS = tuple(_MAKERS)
# Those that have a second test split, and its rows: what rows add to the spread of a difference is with them about half a point or less.
FRESH: Mapping[str, int] = {
    **dict.fromkeys(("rte", "mnli", "sst2", "mrpc", "qqp", "qnli"), 8000),
    **dict.fromkeys(("cruxeval_i", "cruxeval_o"), 3000),
}


def records(task: str, fresh: bool = False) -> dict[str, list[dict[str, Any]]]:
    """The rows of an embedded task.

    Args:
        task: one of `TASKS`.
        fresh: with the second test split, which shares no row with the first, in its place.

    Returns:
        For each of "train", "validation" and "test" its rows, with the column names and label
        strings of the original data set. The same in every process.

    Raises:
        UserError: no such task, or one without a second test split.
    """
    from lopa_bench.errors import UserError

    if task not in _MAKERS:
        raise UserError(
            f"task={task}: the embedded scale has {', '.join(TASKS)}; nearest: data.dir=DIR with the task's files"
        )
    if fresh and task not in FRESH:
        raise UserError(
            f"data.source=mini_fresh: task={task} has one test split, data.source=mini; these have two: {', '.join(FRESH)}"
        )
    module, _, function = _MAKERS[task].partition(":")
    splits: dict[str, list[dict[str, Any]]] = getattr(import_module(module), function)(
        **({"fresh": FRESH[task]} if fresh else {})
    )
    return splits
