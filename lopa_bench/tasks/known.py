"""The tasks of conf/task by their names, without a run around them: for whoever needs a task's facts or metrics."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf
from pydantic import ValidationError

from lopa_bench.config import files, mistyped, typed
from lopa_bench.config.nearest import not_one_of
from lopa_bench.errors import UserError
from lopa_bench.tasks.base import Task


def names() -> list[str]:
    """All of them, in alphabetical order."""
    return files.choices("task")


def known(name: str) -> Task:
    """The task of conf/task/<name>.yaml as it stands there.

    Raises:
        UserError: there is none, or a value of it is wrong.
    """
    if not files.is_choice("task", name):
        raise UserError(f"{not_one_of('task', name, names())}; conf.path=DIR names a folder with tasks of yours")
    return _read(name, files.find(f"task/{name}"))


@cache
def _read(name: str, path: Path) -> Task:
    """Of the file `path`, which another folder's may be the next time."""
    root = _root(files.find("config"))
    root["task"] = files.read(f"task/{name}")
    values: dict[str, Any] = OmegaConf.to_container(root["task"], resolve=True)  # type: ignore[assignment]
    told = {key: value for key, value in values.items() if value != "???"}  # what a run has to say
    return typed.build(told, "task")  # type: ignore[no-any-return]


@cache
def _root(path: Path) -> DictConfig:
    """What a task's values may refer to, conf/config.yaml; every task in its turn takes its place in it."""
    return OmegaConf.create(files.read("config"))


def as_run(name: str, settings: Mapping[str, Any]) -> Task:
    """The task with those of its values that a run had (the section `task` of what determines its number).

    Raises:
        UserError: values that this version takes no longer, which a run of another one may have.
    """
    task = known(name)
    fields = {field.name for field in dataclasses.fields(task)}
    own = {key: value for key, value in settings.items() if key in fields}
    try:
        return dataclasses.replace(task, **own)
    except ValidationError as error:  # another version took them
        raise UserError(mistyped.one_line(error.errors(), own, "task", sorted(fields))) from None
